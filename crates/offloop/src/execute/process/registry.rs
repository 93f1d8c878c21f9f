//! What a worker can be asked to do: functions and kinds of progress, by number.
//!
//! Invariant: two processes whose digests are equal have the same names and types under the same
//! numbers.

use std::any::{Any, TypeId, type_name};
use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::{Codec, Format, Sink, Unsent};
use super::wire::VERSION;
use crate::complete::Context;
use crate::contain::drop_contained;
use crate::execute::guard::attempt;
use crate::failure::{CodecError, Panic};

/// What came of a function in a worker; a value's bytes are in the sink.
pub(super) enum Answer {
    Value,
    Panicked(String),
    Codec(CodecError),
    TooLarge,
}

type Run = dyn Fn(&Context, &[u8], &mut Sink<'_>) -> Answer + Send + Sync;

#[derive(Clone)]
struct Served {
    name: Cow<'static, str>,
    of: TypeId,
    signature: (&'static str, &'static str),
    run: Arc<Run>,
}

/// A type whose values may be sent as progress.
#[derive(Clone, Copy)]
pub(super) struct Pulse {
    of: TypeId,
    name: &'static str,
    pub(super) encode: fn(&(dyn Any + Send), &mut Sink<'_>) -> Result<(), Unsent>,
    /// Decodes a value and hands it to the call's own context.
    pub(super) deliver: fn(&Context, &[u8]) -> Result<(), CodecError>,
}

#[derive(Clone)]
pub(crate) struct Registry {
    /// By name.
    functions: Vec<Served>,
    pulses: Vec<Pulse>,
    init: Vec<Arc<dyn Fn() + Send + Sync>>,
}

impl Default for Registry {
    fn default() -> Self {
        let mut this = Self { functions: Vec::new(), pulses: Vec::new(), init: Vec::new() };
        macro_rules! plain {
            ($($type:ty),*) => { $(this.add_pulse::<$type>();)* };
        }
        plain!((), bool, char, String, f32, f64);
        plain!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
        this
    }
}

impl Registry {
    /// `function` goes by the type `of`.
    pub(crate) fn add<F, A, T>(&mut self, of: TypeId, name: Cow<'static, str>, function: F)
    where
        F: Fn(&Context, A) -> T + Send + Sync + 'static,
        A: DeserializeOwned,
        T: Serialize,
    {
        let run = move |context: &Context, bytes: &[u8], sink: &mut Sink<'_>| {
            let ran = attempt(|| {
                let args = Format::decode(bytes).map_err(|error| error.of("argument"))?;
                Ok(function(context, args))
            });
            match ran {
                Ok(Ok(value)) => answer(value, sink),
                Ok(Err(error)) => Answer::Codec(error),
                Err(payload) => panicked(payload),
            }
        };
        let signature = (type_name::<A>(), type_name::<T>());
        let at = self.functions.partition_point(|served| served.name < name);
        self.functions.insert(at, Served { name, of, signature, run: Arc::new(run) });
    }

    pub(crate) fn add_pulse<P: Serialize + DeserializeOwned + Send + 'static>(&mut self) {
        let pulse = Pulse {
            of: TypeId::of::<P>(),
            name: type_name::<P>(),
            encode: |value, sink| match value.downcast_ref::<P>() {
                Some(value) => Format::encode(value, sink),
                None => unreachable!("it was found by its type"),
            },
            deliver: |context, bytes| {
                context.progress(Format::decode::<P>(bytes)?);
                Ok(())
            },
        };
        if self.pulses.iter().all(|known| known.of != pulse.of) {
            let at = self.pulses.partition_point(|known| known.name < pulse.name);
            self.pulses.insert(at, pulse);
        }
    }

    pub(crate) fn add_init(&mut self, init: impl Fn() + Send + Sync + 'static) {
        self.init.push(Arc::new(init));
    }

    pub(super) fn init(&self) {
        self.init.iter().for_each(|init| init());
    }

    /// The number of a function.
    pub(crate) fn index_of(&self, of: TypeId) -> Option<u32> {
        let at = self.functions.iter().position(|served| served.of == of)?;
        u32::try_from(at).ok()
    }

    /// The name of a function, for whoever watches.
    pub(super) fn name_of(&self, index: u32) -> &str {
        self.functions.get(index as usize).map_or("", |served| &served.name)
    }

    pub(super) fn run(&self, index: u32, cx: &Context, bytes: &[u8], to: &mut Sink<'_>) -> Answer {
        match self.functions.get(index as usize) {
            Some(served) => (served.run)(cx, bytes, to),
            None => Answer::Codec(CodecError::new("the function: it has no such number")),
        }
    }

    pub(super) fn pulse_of(&self, of: TypeId) -> Option<(u32, &Pulse)> {
        let at = self.pulses.iter().position(|pulse| pulse.of == of)?;
        Some((u32::try_from(at).ok()?, &self.pulses[at]))
    }

    pub(super) fn pulse(&self, index: u32) -> Option<&Pulse> {
        self.pulses.get(index as usize)
    }

    /// Of all names and types, in the order of their numbers.
    pub(crate) fn digest(&self) -> u64 {
        let functions = self
            .functions
            .iter()
            .flat_map(|served| [served.name.as_ref(), served.signature.0, served.signature.1]);
        let pulses = self.pulses.iter().map(|pulse| pulse.name);
        // FNV-1a: it has to be the same in both programs, whatever compiled them.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut eat = |bytes: &[u8]| {
            for &byte in bytes {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        eat(&VERSION.to_le_bytes());
        for part in functions.chain(["progress"]).chain(pulses) {
            eat(&(part.len() as u64).to_le_bytes());
            eat(part.as_bytes());
        }
        hash
    }

    /// For a message about a digest that is not the expected one.
    pub(super) fn listing(&self) -> String {
        let line = |served: &Served| {
            format!("{}({}) -> {}", served.name, served.signature.0, served.signature.1)
        };
        self.functions.iter().map(line).collect::<Vec<_>>().join(", ")
    }
}

/// Encodes a value and drops it, both contained.
fn answer<T: Serialize>(value: T, sink: &mut Sink<'_>) -> Answer {
    let encoded = attempt(|| Format::encode(&value, sink));
    drop_contained(value);
    match encoded {
        Ok(Ok(())) => Answer::Value,
        Ok(Err(Unsent::TooLarge)) => Answer::TooLarge,
        Ok(Err(Unsent::Codec(error))) => Answer::Codec(error.of("result")),
        Err(payload) => panicked(payload),
    }
}

fn panicked(payload: Box<dyn Any + Send>) -> Answer {
    let text = Panic::text(&*payload).to_owned();
    drop_contained(payload);
    Answer::Panicked(text)
}

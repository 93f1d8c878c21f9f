//! Named functions. Invariant: a name and a function's own type belong to each other, one to one.

use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

#[cfg(feature = "process")]
use serde::{Serialize, de::DeserializeOwned};

#[cfg(all(feature = "process", target_os = "linux"))]
use super::process::Registry;
use crate::complete::Context;

/// Functions by name.
///
/// A function's name is found by the function alone, in [`call_fn`](crate::Offloop::call_fn): it
/// appears in panics, reports and statistics. A function without one goes by its path.
///
/// With the feature `process`, on by default, `add` registers a function that may leave the process:
/// its argument and its result are serde values, and `Processes` takes the functions. For the other
/// executors nothing has to be registered; to give a function a name for them, whatever its types are,
/// use [`name`](Self::name) and [`Builder::functions`](crate::Builder::functions).
///
/// ```
/// use offloop::{Functions, Offloop};
///
/// fn price(book: Vec<u32>) -> u32 {
///     book.into_iter().sum()
/// }
///
/// let functions = Functions::new().name("price", price);
/// let off = Offloop::<u32>::builder().no_waker().functions(functions).build()?;
/// off.call_fn(price, vec![1, 2, 3]).cores().then(|total, outcome| *total = outcome.unwrap_or(0));
/// # let mut total = 0;
/// # while total == 0 { off.deliver(&mut total); std::thread::yield_now(); }
/// # assert_eq!(total, 6);
/// # Ok::<(), offloop::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "functions do nothing until they are given to a `Builder`"]
pub struct Functions {
    names: Names,
    #[cfg(all(feature = "process", target_os = "linux"))]
    pub(super) registry: Registry,
}

/// Names by function types.
pub(crate) type Names = HashMap<TypeId, Cow<'static, str>>;

impl Functions {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names a function of one argument (a tuple for more) that stays in this process.
    ///
    /// The function itself, or a closure that captures nothing: a function *pointer* has no type of
    /// its own, and does not compile here.
    ///
    /// # Panics
    /// When the name or the function is there already.
    #[track_caller]
    pub fn name<F, A, T>(self, name: impl Into<Cow<'static, str>>, function: F) -> Self
    where
        F: Fn(A) -> T + Send + 'static,
    {
        self.insert(name.into(), &function)
    }

    /// Names a function that gets a [`Context`] and one argument; else as [`name`](Self::name).
    ///
    /// # Panics
    /// When the name or the function is there already.
    #[track_caller]
    pub fn name_with<F, A, T>(self, name: impl Into<Cow<'static, str>>, function: F) -> Self
    where
        F: Fn(&Context, A) -> T + Send + 'static,
    {
        self.insert(name.into(), &function)
    }

    /// ```compile_fail,E0080
    /// # fn double(n: u32) -> u32 { n * 2 }
    /// offloop::Functions::new().name("double", double as fn(u32) -> u32);
    /// ```
    #[track_caller]
    fn insert<F: 'static>(mut self, name: Cow<'static, str>, _: &F) -> Self {
        const { assert!(size_of::<F>() == 0, "a function pointer or a capturing closure has no name") };
        assert!(
            self.names.values().all(|known| *known != name),
            "two functions are named \"{name}\"; give each a name of its own"
        );
        let old = self.names.insert(TypeId::of::<F>(), name);
        if let Some(old) = old {
            panic!(
                "the function {} is named twice, \"{old}\" before; add it once",
                type_name::<F>()
            );
        }
        self
    }

    pub(crate) fn into_names(self) -> Names {
        self.names
    }
}

/// Functions that may leave the process.
#[cfg(feature = "process")]
impl Functions {
    /// Registers a function of one argument (a tuple for more) that may run in a worker process, and
    /// names it.
    ///
    /// The function itself, or a closure that captures nothing; a function *pointer* does not
    /// compile here. The names and types of all of them are compared when a worker starts, so that
    /// two programs that differ in them never take each other's calls.
    ///
    /// ```compile_fail,E0080
    /// # fn double(n: u32) -> u32 { n * 2 }
    /// offloop::Functions::new().add("double", double as fn(u32) -> u32);
    /// ```
    ///
    /// # Panics
    /// When the name or the function is there already.
    #[track_caller]
    pub fn add<F, A, T>(self, name: impl Into<Cow<'static, str>>, function: F) -> Self
    where
        F: Fn(A) -> T + Send + Sync + 'static,
        A: Serialize + DeserializeOwned,
        T: Serialize + DeserializeOwned,
    {
        let name = name.into();
        let this = self.insert(name.clone(), &function);
        this.serve::<F, A, T>(name, move |_: &Context, args: A| function(args))
    }

    /// Registers a function that gets a [`Context`] and one argument; else as [`add`](Self::add).
    ///
    /// # Panics
    /// When the name or the function is there already.
    #[track_caller]
    pub fn add_with<F, A, T>(self, name: impl Into<Cow<'static, str>>, function: F) -> Self
    where
        F: Fn(&Context, A) -> T + Send + Sync + 'static,
        A: Serialize + DeserializeOwned,
        T: Serialize + DeserializeOwned,
    {
        let name = name.into();
        let this = self.insert(name.clone(), &function);
        this.serve::<F, A, T>(name, function)
    }

    /// Has a worker process run the function of the type `F`, as `run` does.
    #[cfg(target_os = "linux")]
    fn serve<F: 'static, A, T>(
        mut self,
        name: Cow<'static, str>,
        run: impl Fn(&Context, A) -> T + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned,
        T: Serialize,
    {
        self.registry.add(TypeId::of::<F>(), name, run);
        self
    }

    /// Nothing is served here.
    #[cfg(not(target_os = "linux"))]
    fn serve<F, A, T>(self, _: Cow<'static, str>, _: impl Fn(&Context, A) -> T) -> Self {
        self
    }

    /// Lets values of a type leave a worker process as
    /// [progress](crate::Context::progress). Numbers, `bool`, `char`, `()` and `String` may anyway.
    pub fn add_progress<P>(self) -> Self
    where
        P: Serialize + DeserializeOwned + Send + 'static,
    {
        #[cfg_attr(not(target_os = "linux"), expect(unused_mut, reason = "nothing is served"))]
        let mut this = self;
        #[cfg(target_os = "linux")]
        this.registry.add_pulse::<P>();
        this
    }

    /// Runs in each worker process when it is set up and before its first call: the place for a
    /// sandbox, a library's start-up, a panic hook. What it panics with ends the worker.
    pub fn worker_init(self, init: impl Fn() + Send + Sync + 'static) -> Self {
        #[cfg_attr(not(target_os = "linux"), expect(unused_mut, reason = "nothing is served"))]
        let mut this = self;
        #[cfg(target_os = "linux")]
        this.registry.add_init(init);
        #[cfg(not(target_os = "linux"))]
        drop(init);
        this
    }
}

/// The name of a function: the one it was given, or its path. A pointer has none,
///
/// ```compile_fail,E0080
/// # fn double(n: u32) -> u32 { n * 2 }
/// # let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
/// let pointer: fn(u32) -> u32 = double;
/// off.call_fn(pointer, 1).detach();
/// ```
///
/// nor has a closure that captures:
///
/// ```compile_fail,E0080
/// # let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
/// let times = 2;
/// off.handle().call_fn(move |n: u32| n * times, 1).detach();
/// ```
pub(crate) fn name_of<F: 'static>(names: &Names) -> Cow<'static, str> {
    const {
        assert!(
            size_of::<F>() == 0,
            "call_fn takes a function, not a pointer to one or a closure that captures; see call"
        )
    };
    names.get(&TypeId::of::<F>()).cloned().unwrap_or(Cow::Borrowed(type_name::<F>()))
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self.names.values().collect();
        names.sort();
        f.debug_struct("Functions").field("names", &names).finish()
    }
}

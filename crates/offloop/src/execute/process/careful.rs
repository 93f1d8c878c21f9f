//! A format's deserializer that goes so deep and no deeper, and makes no more of a value than its bytes
//! can pay for: what is decoded was written by a process that may have been taken over.
//!
//! A type that contains itself is as deep as the bytes say, and a thread's stack is not; a list of `()`
//! is as long as its length says, which is a few bytes.
//!
//! Invariant: everything that may lie inside another value is read through a [`Careful`].

use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// How many values may lie inside one another. An enum's variant and the list in it are two.
pub(super) const DEPTH_MAX: u32 = 256;

/// So many elements of lists may be there without a byte of their own. Each may have fields that are
/// skipped, and so take more memory than it took bytes.
const FREE: u64 = 1 << 16;

/// What is left to a value.
pub(super) struct Left {
    depth: Cell<u32>,
    elements: Cell<u64>,
    /// What it was too much for, because a format has no words for that.
    trouble: Cell<Option<&'static str>>,
}

impl Left {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let elements = Cell::new((bytes.len() as u64).saturating_add(FREE));
        Self { depth: Cell::new(DEPTH_MAX), elements, trouble: Cell::new(None) }
    }

    pub(super) fn trouble(&self) -> Option<&'static str> {
        self.trouble.get()
    }

    fn refuse<E: Error>(&self, text: &'static str) -> E {
        self.trouble.set(Some(text));
        E::custom(text)
    }

    fn deeper<T, E: Error>(&self, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let depth = self.depth.get();
        let inside =
            depth.checked_sub(1).ok_or_else(|| self.refuse("values lie too deep in it"))?;
        self.depth.set(inside);
        let result = read();
        self.depth.set(depth);
        result
    }

    fn more<E: Error>(&self, elements: usize) -> Result<(), E> {
        let left = self.elements.get().checked_sub(elements as u64);
        self.elements.set(left.ok_or_else(|| self.refuse("a list in it is too long"))?);
        Ok(())
    }
}

/// A part of the way from a deserializer to a value, or back, and the same through it.
pub(super) struct Careful<'a, X> {
    inner: X,
    left: &'a Left,
    /// It is of a list, whose elements are counted.
    is_counted: bool,
}

impl<'a, X> Careful<'a, X> {
    pub(super) fn new(inner: X, left: &'a Left) -> Self {
        Self { inner, left, is_counted: false }
    }

    fn list(inner: X, left: &'a Left) -> Self {
        Self { inner, left, is_counted: true }
    }

    /// Whether a list's elements are to be counted one by one: not when it says how many there are.
    fn counts<E: Error>(&self, said: Option<usize>) -> Result<bool, E> {
        match said.filter(|_| self.is_counted) {
            Some(elements) => self.left.more(elements).map(|()| false),
            None => Ok(self.is_counted),
        }
    }
}

/// What has nothing inside.
macro_rules! plain {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        }
    )*};
}

/// What has.
macro_rules! nesting {
    ($($method:ident($($name:ident: $type:ty),*) $how:ident)*) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            $($name: $type,)*
            visitor: V,
        ) -> Result<V::Value, D::Error> {
            let Self { inner, left, .. } = self;
            left.deeper(|| inner.$method($($name,)* Careful::$how(visitor, left)))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Careful<'_, D> {
    type Error = D::Error;

    plain! {
        deserialize_any deserialize_bool deserialize_char deserialize_str deserialize_string
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    nesting! {
        deserialize_option() new
        deserialize_seq() list
        deserialize_map() list
        deserialize_newtype_struct(name: &'static str) new
        deserialize_tuple(len: usize) new
        deserialize_tuple_struct(name: &'static str, len: usize) new
        deserialize_struct(name: &'static str, fields: &'static [&'static str]) new
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) new
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Of what nests: the other visits are those of plain values, which go past.
impl<'de, V: Visitor<'de>> Visitor<'de> for Careful<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Careful::new(from, self.left))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Careful::new(from, self.left))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, from: A) -> Result<V::Value, A::Error> {
        let is_counted = self.counts(from.size_hint())?;
        self.inner.visit_seq(Careful { inner: from, left: self.left, is_counted })
    }

    fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<V::Value, A::Error> {
        let is_counted = self.counts(from.size_hint())?;
        self.inner.visit_map(Careful { inner: from, left: self.left, is_counted })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, from: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Careful::new(from, self.left))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Careful<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Careful::new(from, self.left))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Careful<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let element = self.inner.next_element_seed(Careful::new(seed, self.left))?;
        if self.is_counted && element.is_some() {
            self.left.more(1)?;
        }
        Ok(element)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Careful<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let key = self.inner.next_key_seed(Careful::new(seed, self.left))?;
        if self.is_counted && key.is_some() {
            self.left.more(1)?;
        }
        Ok(key)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(Careful::new(seed, self.left))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'a, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Careful<'a, A> {
    type Error = A::Error;
    type Variant = Careful<'a, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (which, variant) = self.inner.variant_seed(seed)?;
        Ok((which, Careful::new(variant, self.left)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Careful<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(Careful::new(seed, self.left))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, Careful::new(visitor, self.left))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, Careful::new(visitor, self.left))
    }
}

//! Named functions. Invariant: a name and a function's own type belong to each other, one to one.

use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use crate::complete::Context;

/// Functions by name.
///
/// `add` ties a name to the function's own type, so that
/// [`call_fn`](crate::Offloop::call_fn) finds the name by the function alone. Given to
/// [`Builder::functions`](crate::Builder::functions), the names appear in panics, reports and
/// statistics; a function without one goes by its path.
///
/// ```
/// use offloop::{Functions, Offloop};
///
/// fn price(book: Vec<u32>) -> u32 {
///     book.into_iter().sum()
/// }
///
/// let functions = Functions::new().add("price", price);
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
}

/// Names by function types.
pub(super) type Names = HashMap<TypeId, Cow<'static, str>>;

impl Functions {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names a function of one argument (a tuple for more).
    ///
    /// The function itself, or a closure that captures nothing: a function *pointer* has no type of
    /// its own, and does not compile here.
    ///
    /// # Panics
    /// When the name or the function is there already.
    #[track_caller]
    pub fn add<F, A, T>(self, name: impl Into<Cow<'static, str>>, function: F) -> Self
    where
        F: Fn(A) -> T + Send + 'static,
    {
        self.insert(name.into(), &function)
    }

    /// Names a function that gets a [`Context`] and one argument; else as [`add`](Self::add).
    ///
    /// # Panics
    /// When the name or the function is there already.
    #[track_caller]
    pub fn add_with<F, A, T>(self, name: impl Into<Cow<'static, str>>, function: F) -> Self
    where
        F: Fn(&Context, A) -> T + Send + 'static,
    {
        self.insert(name.into(), &function)
    }

    /// ```compile_fail,E0080
    /// # fn double(n: u32) -> u32 { n * 2 }
    /// offloop::Functions::new().add("double", double as fn(u32) -> u32);
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

    pub(super) fn into_names(self) -> Names {
        self.names
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
pub(super) fn name_of<F: 'static>(names: &Names) -> Cow<'static, str> {
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

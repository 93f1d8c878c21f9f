//! Which call goes first. Invariant: a name only; the order that it stands for is kept where calls
//! wait.

/// Which of the calls that wait for the same executor goes first.
///
/// Of the calls that workers take, at least one in 4 is of normal or low priority if one waits,
/// and at least one in 16 of low; so a flood of urgent calls delays the others and starves none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// Before the others.
    High,
    /// The default.
    #[default]
    Normal,
    /// After the others.
    Low,
}

//! What the next call is, by the dice alone. Invariant: the same seed gives the same calls.

/// A small generator (SplitMix64); its numbers are the same everywhere.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Kinds of calls. Those that stand first are innocent: whatever they come to but their value is a
/// breach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Value,
    Short,
    Mirror,
    LargeResult,
    Buffer,
    Progress,
    Serial,
    InOrder,
    Bomb,

    Panic,
    Abort,
    Exit,
    Signal,
    SignalledFromOutside,
    StoppedFromOutside,
    SpinUntilDeadline,
    StopUntilDeadline,
    SpinUntilCancel,
    Devour,
    BufferLost,
    CancelledSometime,
    CancelledAtOnce,
    Latest,
    Scoped,
    DiesFirst,
    DiesAlways,
    Shared,
    SharedCrash,
    EncodeError,
    DecodeError,
    ResultEncodeError,
    ResultDecodeError,
    EncodePanic,
    DecodePanic,
    ArgumentTooLarge,
    ResultTooLarge,

    /// In a storm of kills that may hit any worker.
    Hit,
    HitIdempotent,
}

/// In a thousand.
const WEIGHTS: &[(Class, u64)] = &[
    (Class::Value, 344),
    (Class::Short, 60),
    (Class::Mirror, 70),
    (Class::LargeResult, 8),
    (Class::Buffer, 40),
    (Class::Progress, 20),
    (Class::Serial, 20),
    (Class::InOrder, 20),
    (Class::Bomb, 15),
    (Class::Panic, 50),
    (Class::Abort, 12),
    (Class::Exit, 12),
    (Class::Signal, 12),
    (Class::SignalledFromOutside, 15),
    (Class::StoppedFromOutside, 6),
    (Class::SpinUntilDeadline, 8),
    (Class::StopUntilDeadline, 8),
    (Class::SpinUntilCancel, 8),
    (Class::Devour, 1),
    (Class::BufferLost, 4),
    (Class::CancelledSometime, 70),
    (Class::CancelledAtOnce, 20),
    (Class::Latest, 40),
    (Class::Scoped, 30),
    (Class::DiesFirst, 8),
    (Class::DiesAlways, 2),
    (Class::Shared, 20),
    (Class::SharedCrash, 4),
    (Class::EncodeError, 12),
    (Class::DecodeError, 12),
    (Class::ResultEncodeError, 12),
    (Class::ResultDecodeError, 12),
    (Class::EncodePanic, 10),
    (Class::DecodePanic, 10),
    (Class::ArgumentTooLarge, 3),
    (Class::ResultTooLarge, 2),
];

impl Class {
    pub(super) fn roll(dice: &mut Dice) -> Self {
        let total: u64 = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut left = dice.below(total);
        for (class, weight) in WEIGHTS {
            match left.checked_sub(*weight) {
                Some(less) => left = less,
                None => return *class,
            }
        }
        unreachable!("the dice are below the sum of the weights")
    }

    /// What it may come to.
    pub(super) fn may(self) -> &'static [&'static str] {
        match self {
            Self::Value
            | Self::Short
            | Self::Mirror
            | Self::LargeResult
            | Self::Buffer
            | Self::Progress
            | Self::Serial
            | Self::InOrder
            | Self::Bomb
            | Self::DiesFirst
            | Self::Shared => &["value"],
            Self::Panic | Self::EncodePanic | Self::DecodePanic => &["panic"],
            Self::Abort | Self::BufferLost | Self::DiesAlways | Self::SharedCrash => {
                &["signal 6", "MemoryLimit"]
            }
            Self::Exit => &["code 3"],
            Self::Signal | Self::SignalledFromOutside => &["signal 8", "signal 9", "signal 15"],
            Self::SpinUntilDeadline | Self::StopUntilDeadline | Self::StoppedFromOutside => {
                &["deadline"]
            }
            Self::SpinUntilCancel | Self::CancelledAtOnce => &["cancel"],
            Self::Devour => &["MemoryLimit"],
            Self::CancelledSometime => &["value", "cancel"],
            Self::Latest => &["value", "superseded"],
            Self::Scoped => &["value", "unrun"],
            Self::EncodeError
            | Self::DecodeError
            | Self::ResultEncodeError
            | Self::ResultDecodeError => &["codec"],
            Self::ArgumentTooLarge | Self::ResultTooLarge => &["too large"],
            Self::Hit | Self::HitIdempotent => &["value", "signal 9"],
        }
    }

    /// How often its function may be entered.
    pub(super) fn runs(self) -> std::ops::RangeInclusive<u32> {
        match self {
            Self::DiesFirst => 2..=4,
            Self::DiesAlways => 4..=4,
            Self::HitIdempotent => 0..=4,
            // One of those that came together, for all.
            Self::Shared | Self::SharedCrash => 0..=1,
            Self::SpinUntilCancel | Self::CancelledAtOnce | Self::CancelledSometime => 0..=1,
            Self::SpinUntilDeadline | Self::StopUntilDeadline | Self::StoppedFromOutside => 0..=1,
            Self::Latest | Self::Scoped | Self::Hit => 0..=1,
            // Their functions are others, or are not reached.
            Self::Bomb
            | Self::EncodeError
            | Self::DecodeError
            | Self::ResultEncodeError
            | Self::ResultDecodeError
            | Self::EncodePanic
            | Self::DecodePanic
            | Self::ArgumentTooLarge => 0..=0,
            _ => 1..=1,
        }
    }
}

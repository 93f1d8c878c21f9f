//! offloop in a Bevy app: a plugin that puts a handle beside the world and delivers once a frame, to
//! handlers that get `&mut World`.
//!
//! Invariant: handlers run in one exclusive system, on the app's main thread; no lock and
//! no channel of one's own.
//!
//! ```
//! use bevy_app::{App, AppExit, ScheduleRunnerPlugin, Startup};
//! use bevy_ecs::prelude::*;
//! use offloop::Offloop;
//! use offloop_bevy::OffloopPlugin;
//!
//! #[derive(Component)]
//! struct Chunk(u64);
//!
//! fn generate(off: NonSend<Offloop<World>>) {
//!     off.call(|| (1..=20).product::<u64>()).cores().then(|world, outcome| {
//!         world.spawn(Chunk(outcome.expect("it does not fail")));
//!         world.write_message(AppExit::Success);
//!     });
//! }
//!
//! let mut app = App::new();
//! app.add_plugins((ScheduleRunnerPlugin::default(), OffloopPlugin::world()));
//! app.add_systems(Startup, generate);
//! # app.add_systems(bevy_app::Update, |chunks: Query<&Chunk>| {
//! #     chunks.iter().for_each(|chunk| assert_eq!(chunk.0, 2_432_902_008_176_640_000));
//! # });
//! assert_eq!(app.run(), AppExit::Success);
//! ```

#![forbid(unsafe_code)]

use std::any::type_name;

use bevy_app::{App, Plugin, PreUpdate};
use bevy_ecs::prelude::{IntoScheduleConfigs, Resource, SystemSet, World};
use offloop::{Builder, Handle, Offloop};

type Configure<S> = Box<dyn Fn(Builder<S>) -> Builder<S> + Send + Sync>;

/// Adds an [`Offloop<S>`](Offloop) to the app, and delivers once a frame.
///
/// It puts two things into the world, before the first schedule runs:
/// * `NonSend<Offloop<S>>`, for systems that submit on the main thread; their handlers may hold what is
///   not `Send`;
/// * `Res<OffloopHandle<S>>`, for systems that run in parallel; their handlers are `Send`.
///
/// Outcomes are delivered in [`PreUpdate`], in the set [`DeliverOutcomes`], so that systems in `Update`
/// find them in the same frame.
///
/// * **Thread**: the plugin is added on the thread that runs the app, as all non-send data is.
/// * **Panic**: of a handler, is one of a system.
/// * **Drop**: the offloop ends with the app's world, which waits for no running function.
///   Handlers that no frame will run are dropped then, on the thread that drops it.
pub struct OffloopPlugin<S: 'static = World> {
    deliver: fn(&mut World),
    configure: Configure<S>,
}

impl OffloopPlugin<World> {
    /// Handlers get the `World`.
    pub fn world() -> Self {
        Self { deliver: deliver_to_world, configure: Box::new(|builder| builder) }
    }
}

impl<S: 'static> OffloopPlugin<S> {
    /// Handlers get the world's non-send `S`, and nothing is delivered while there is none.
    pub fn non_send() -> Self {
        Self { deliver: deliver_to_non_send::<S>, configure: Box::new(|builder| builder) }
    }

    /// What else the builder is told: pools, the turn's budget. It is told
    /// [`no_waker`](Builder::no_waker) before, as fits an app that draws frame after frame; one that waits
    /// for events is given its own waker here.
    pub fn with(
        mut self,
        configure: impl Fn(Builder<S>) -> Builder<S> + Send + Sync + 'static,
    ) -> Self {
        self.configure = Box::new(configure);
        self
    }
}

impl<S: 'static> Plugin for OffloopPlugin<S> {
    /// # Panics
    /// [`Builder::build`] refuses.
    fn build(&self, app: &mut App) {
        let builder = (self.configure)(Offloop::builder().no_waker());
        let off = builder.build().unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        app.insert_resource(OffloopHandle(off.handle()));
        app.insert_non_send(off);
        app.add_systems(PreUpdate, self.deliver.in_set(DeliverOutcomes));
    }

    fn name(&self) -> &str {
        type_name::<Self>()
    }
}

/// The system that delivers, of every [`OffloopPlugin`].
#[derive(SystemSet, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliverOutcomes;

/// Submits from systems that run in parallel: `handle.0.call(..)`.
#[derive(Resource, Debug)]
pub struct OffloopHandle<S: 'static = World>(pub Handle<S>);

fn deliver_to_world(world: &mut World) {
    if let Some(off) = world.get_non_send::<Offloop<World>>().cloned() {
        off.deliver(world);
    }
}

fn deliver_to_non_send<S: 'static>(world: &mut World) {
    let off = world.get_non_send::<Offloop<S>>().cloned();
    if let (Some(off), Some(mut state)) = (off, world.get_non_send_mut::<S>()) {
        off.deliver(&mut state);
    }
}

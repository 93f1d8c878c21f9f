//! A loop that never waits for events but goes round, as games and simulations do. It needs no
//! waker: it asks for outcomes in each frame, which costs nanoseconds when there are none.
//!
//! Look at the `while` loop, and at the frames that pass while the level loads.

use std::thread;
use std::time::Duration;

use offloop::{Context, Failure, Offloop, Outcome};

struct Game {
    off: Offloop<Game>,
    frames: u64,
    level: Option<String>,
    quit: bool,
}

impl Game {
    fn on_level(&mut self, level: Outcome<String>) {
        println!("after {} frames: {level:?}", self.frames);
        self.level = level.ok();
        // A handler submits like any other code on the loop.
        self.off
            .call_with(build_endless_world)
            .deadline(Duration::from_millis(20))
            .then(Game::on_world);
    }

    fn on_world(&mut self, world: Outcome<()>) {
        println!("after {} frames: {world:?}", self.frames);
        assert!(matches!(world, Err(Failure::TimedOut)));
        self.quit = true;
    }
}

fn load_level(name: &str) -> String {
    thread::sleep(Duration::from_millis(300)); // a slow disk
    format!("the {name}")
}

/// Goes on until nobody waits for it any more.
fn build_endless_world(cx: &Context) {
    while !cx.is_cancelled() {
        thread::sleep(Duration::from_millis(1));
    }
}

fn main() -> Result<(), offloop::Error> {
    let off = Offloop::<Game>::builder().no_waker().build()?;
    let mut game = Game { off, frames: 0, level: None, quit: false };

    game.off.call(|| load_level("cellar")).then(Game::on_level);

    while !game.quit {
        game.frames += 1; // input, physics and drawing
        thread::sleep(Duration::from_millis(1)); // waits for the screen
        game.off.clone().deliver(&mut game);
    }

    assert_eq!(game.level.as_deref(), Some("the cellar"));
    assert!(game.frames > 1, "a call made in one frame is answered in a later one");
    Ok(())
}

//! A query of a real database, through sqlx. Invariant: the loop does nothing but deliver; the database
//! is a file of the test's own.

use std::sync::mpsc;
use std::time::Duration;

use offloop::{Failure, Offloop, Outcome};
use offloop_tokio::TokioExecutor;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

struct App {
    off: Offloop<App>,
    pool: Option<SqlitePool>,
    sums: Vec<Outcome<Result<i64, sqlx::Error>>>,
}

impl App {
    fn on_open(&mut self, outcome: Outcome<Result<SqlitePool, sqlx::Error>>) {
        let pool = outcome.expect("no panic").expect("the database opens");
        self.pool = Some(pool.clone());
        for from in 0..20 {
            self.off.call_async(sum_from(pool.clone(), from)).then(App::on_sum);
        }
    }

    fn on_sum(&mut self, outcome: Outcome<Result<i64, sqlx::Error>>) {
        self.sums.push(outcome);
    }
}

async fn open(path: std::path::PathBuf) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
    sqlx::query("CREATE TABLE numbers (n INTEGER NOT NULL)").execute(&pool).await?;
    let mut transaction = pool.begin().await?;
    for n in 0..100_i64 {
        sqlx::query("INSERT INTO numbers VALUES (?)").bind(n).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(pool)
}

async fn sum_from(pool: SqlitePool, from: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT SUM(n) FROM numbers WHERE n >= ?").bind(from).fetch_one(&pool).await
}

/// Counts for longer than anybody waits.
async fn endless(pool: SqlitePool) -> Result<i64, sqlx::Error> {
    let query = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000000) \
                 SELECT COUNT(*) FROM c";
    sqlx::query_scalar(query).fetch_one(&pool).await
}

#[test]
fn queries_run_behind_a_loop_and_one_too_long_is_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let (wake, woken) = mpsc::channel();
    let executor = TokioExecutor::new().expect("a runtime");
    let off = Offloop::<App>::builder().waker(move || wake.send(())).async_on(executor);
    let off = off.build().expect("an offloop");
    let mut app = App { off, pool: None, sums: Vec::new() };
    app.off.call_async(open(folder.path().join("numbers.db"))).then(App::on_open);
    let run = |app: &mut App, count| {
        while app.sums.len() < count {
            woken.recv_timeout(Duration::from_secs(60)).expect("the loop is woken");
            app.off.clone().deliver(app);
        }
    };
    run(&mut app, 20);
    let mut sums: Vec<i64> = app.sums.drain(..).map(|one| one.unwrap().unwrap()).collect();
    sums.sort_unstable();
    let mut expected: Vec<i64> = (0..20).map(|from| (from..100).sum()).collect();
    expected.sort_unstable();
    assert_eq!(sums, expected);

    let pool = app.pool.clone().expect("it was opened");
    let call = app.off.call_async(endless(pool.clone()));
    call.deadline(Duration::from_millis(1)).then(App::on_sum);
    run(&mut app, 1);
    assert!(matches!(app.sums[..], [Err(Failure::TimedOut)]), "{:?}", app.sums);
    // The pool still serves.
    app.off.call_async(sum_from(pool, 98)).then(App::on_sum);
    run(&mut app, 2);
    assert!(matches!(app.sums[1], Ok(Ok(197))), "{:?}", app.sums[1]);
    assert!(app.off.shutdown(Duration::from_secs(60)).abandoned.is_empty());
}

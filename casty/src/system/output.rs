//! What `#[casty::main]` and `#[casty::test]` turn into.

use std::{fmt, future::Future, process::ExitCode};

use super::ActorSystem;
use crate::DistributedBuilder;

/// What `main` and tests may return: nothing, or a result.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned here",
    label = "returned by the function below `#[casty::main]` or `#[casty::test]`",
    note = "return nothing, or `casty::Result<()>`"
)]
pub trait MainOutput {
    /// What the process ends with, or what went wrong.
    fn outcome(self) -> Result<ExitCode, String>;
}

impl MainOutput for () {
    fn outcome(self) -> Result<ExitCode, String> {
        Ok(ExitCode::SUCCESS)
    }
}

impl<T: MainOutput, E: fmt::Display> MainOutput for Result<T, E> {
    fn outcome(self) -> Result<ExitCode, String> {
        self.map_err(|error| error.to_string())?.outcome()
    }
}

impl MainOutput for ExitCode {
    fn outcome(self) -> Result<ExitCode, String> {
        Ok(self)
    }
}

#[doc(hidden)]
pub fn run_main<F, Fut>(main: F) -> ExitCode
where
    F: FnOnce(ActorSystem) -> Fut,
    Fut: Future<Output: MainOutput>,
{
    run_process(run(main))
}

/// Runs `main` with a node that is as `node` and the environment say.
#[doc(hidden)]
pub fn run_distributed_main<F, Fut>(node: DistributedBuilder, main: F) -> ExitCode
where
    F: FnOnce(ActorSystem) -> Fut,
    Fut: Future<Output: MainOutput>,
{
    run_process(async {
        let starting = node.environment().map_err(|error| error.to_string())?.start();
        let system = starting.await.map_err(|error| error.to_string())?;
        run_in(system, main).await
    })
}

fn run_process(program: impl Future<Output = Result<ExitCode, String>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Error: the tokio runtime did not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(program);
    // A blocked thread must not hold up the end for ever.
    runtime.shutdown_background();
    outcome.unwrap_or_else(|error| {
        eprintln!("Error: {error}");
        ExitCode::FAILURE
    })
}

/// Runs a test on one thread.
#[doc(hidden)]
#[track_caller]
pub fn run_test<F, Fut>(virtual_time: bool, test: F)
where
    F: FnOnce(ActorSystem) -> Fut,
    Fut: Future<Output: MainOutput>,
{
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all();
    if virtual_time {
        start_paused(&mut builder);
    }
    let runtime = builder.build().unwrap_or_else(|error| panic!("the tokio runtime did not start: {error}"));
    match runtime.block_on(run(test)) {
        Ok(ExitCode::SUCCESS) => {}
        Ok(code) => panic!("the test ended with {code:?}"),
        Err(error) => panic!("the test returned an error: {error}"),
    }
}

#[cfg(feature = "testkit")]
fn start_paused(builder: &mut tokio::runtime::Builder) {
    builder.start_paused(true);
}

#[cfg(not(feature = "testkit"))]
#[track_caller]
fn start_paused(_: &mut tokio::runtime::Builder) {
    panic!(
        "#[casty::test(virtual_time)] needs the feature `testkit`: in Cargo.toml, under [dev-dependencies], \
         casty = {{ version = \"{}\", features = [\"testkit\"] }}",
        env!("CARGO_PKG_VERSION")
    );
}

async fn run<F, Fut>(main: F) -> Result<ExitCode, String>
where
    F: FnOnce(ActorSystem) -> Fut,
    Fut: Future<Output: MainOutput>,
{
    run_in(ActorSystem::new(), main).await
}

async fn run_in<F, Fut>(system: ActorSystem, main: F) -> Result<ExitCode, String>
where
    F: FnOnce(ActorSystem) -> Fut,
    Fut: Future<Output: MainOutput>,
{
    let output = main(system.clone()).await;
    system.shutdown().await;
    output.outcome()
}

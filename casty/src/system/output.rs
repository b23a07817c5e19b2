//! What `#[casty::main]` and `#[casty::test]` turn into.

use std::{fmt, future::Future, process::ExitCode};

use super::ActorSystem;

/// What `main` and tests may return: nothing, or a result.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned here",
    label = "returned by the function below `#[casty::main]` or `#[casty::test]`",
    note = "return nothing, or `casty::Result<()>`"
)]
pub trait MainOutput {
    /// What went wrong, for people.
    fn error(self) -> Option<String>;
}

impl MainOutput for () {
    fn error(self) -> Option<String> {
        None
    }
}

impl<T: MainOutput, E: fmt::Display> MainOutput for Result<T, E> {
    fn error(self) -> Option<String> {
        match self {
            Ok(output) => output.error(),
            Err(error) => Some(error.to_string()),
        }
    }
}

impl MainOutput for ExitCode {
    fn error(self) -> Option<String> {
        (self != Self::SUCCESS).then(|| format!("ended with {self:?}"))
    }
}

#[doc(hidden)]
pub fn run_main<F, Fut>(main: F) -> ExitCode
where
    F: FnOnce(ActorSystem) -> Fut,
    Fut: Future<Output: MainOutput>,
{
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Error: the tokio runtime did not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let error = runtime.block_on(run(main));
    // A blocked thread must not hold up the end for ever.
    runtime.shutdown_background();
    match error {
        None => ExitCode::SUCCESS,
        Some(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
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
    if let Some(error) = runtime.block_on(run(test)) {
        panic!("the test returned an error: {error}");
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

async fn run<F, Fut>(main: F) -> Option<String>
where
    F: FnOnce(ActorSystem) -> Fut,
    Fut: Future<Output: MainOutput>,
{
    let system = ActorSystem::new();
    let output = main(system.clone()).await;
    system.shutdown().await;
    output.error()
}

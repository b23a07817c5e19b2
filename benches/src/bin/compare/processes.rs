//! A process for each measurement.

use std::env;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use casty_benches::{Contestant, Report, Scenario, Size};

const PATIENCE: Duration = Duration::from_secs(180);

/// Measures in this process and prints a figure a line.
pub(crate) fn be_child(scenario: Scenario, contestant: Contestant, size: Size) {
    casty_benches::fail_on_any_panic();
    for figure in contestant.measure(scenario, size) {
        println!("{figure}");
    }
    // Nothing is learnt from taking down what is still alive.
    std::process::exit(0);
}

/// Measures in a new process.
pub(crate) fn run(scenario: Scenario, contestant: Contestant, quick: bool) -> Result<Report, String> {
    let mut command = if scenario == Scenario::Idle {
        let mut command = Command::new(idle_bytes()?);
        command.arg(contestant.name());
        command
    } else {
        let mut command = Command::new(myself()?);
        command.args(["--child", "--scenario", scenario.name(), "--only", contestant.name()]);
        command
    };
    if quick {
        command.arg("--quick");
    }
    let child = command.stdout(Stdio::piped()).spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let output = output_in_time(child)?;
    let report: Report = output.lines().filter_map(|line| line.parse().ok()).collect();
    if report.len() != scenario.metrics().len() {
        return Err(format!("it printed {output:?}"));
    }
    Ok(report)
}

/// This very program, even if a newer build has taken its place meanwhile.
fn myself() -> Result<PathBuf, String> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { env::current_exe().map_err(|error| error.to_string()) }
}

fn output_in_time(mut child: Child) -> Result<String, String> {
    let start = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if start.elapsed() > PATIENCE => {
                // It may have ended this very moment.
                let _ = child.kill();
                return Err(format!("not done after {PATIENCE:?}"));
            }
            None => sleep(Duration::from_millis(20)),
        }
    };
    if !status.success() {
        return Err(status.to_string());
    }
    let mut output = String::new();
    let mut stdout = child.stdout.take().ok_or("no output")?;
    stdout.read_to_string(&mut output).map_err(|error| error.to_string())?;
    Ok(output)
}

/// The binary that counts bytes, up to date if cargo is at hand, as it is under `cargo run`.
fn idle_bytes() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(build_idle_bytes).clone()
}

fn build_idle_bytes() -> Result<PathBuf, String> {
    let me = env::current_exe().map_err(|error| error.to_string())?;
    let idle_bytes = me.with_file_name(format!("idle_bytes{}", env::consts::EXE_SUFFIX));
    if let (Some(cargo), Some(manifests)) = (env::var_os("CARGO"), env::var_os("CARGO_MANIFEST_DIR")) {
        let profile_dir = me.parent().ok_or("no folder")?;
        let profile = match profile_dir.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        };
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--bin", "idle_bytes", "--profile", profile, "--target-dir"]);
        build.args(profile_dir.parent()).arg("--manifest-path").arg(PathBuf::from(manifests).join("Cargo.toml"));
        if cfg!(feature = "mimalloc") {
            build.args(["--features", "mimalloc"]);
        }
        let status = build.status().map_err(|error| format!("{build:?}: {error}"))?;
        if !status.success() {
            return Err(format!("{build:?}: {status}"));
        }
    }
    if idle_bytes.exists() {
        Ok(idle_bytes)
    } else {
        Err(format!("{} is missing: build the package's binaries, all with the same features", idle_bytes.display()))
    }
}

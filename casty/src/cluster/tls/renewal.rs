//! Keeps up with the files: what was renewed in its place is shown from then on, without a restart.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use rustls::pki_types::UnixTime;
use tokio::time::Instant;

use super::{
    Configs,
    files::{Files, Fingerprint},
};
use crate::{cluster::StartError, host::Host, sync::lock};

/// So often the files are looked at. What has changed is taken at the second look: others may write one after the other.
pub(super) const LOOK: Duration = Duration::from_secs(20);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// So long before a certificate runs out, it is told.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// What new connections show, and check others with. Clones are handles to the same.
#[derive(Debug, Clone)]
pub(crate) struct Current(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    configs: Mutex<Configs>,
    /// Where others dial this node.
    address: OnceLock<String>,
}

/// What somebody who looks at files has seen.
#[derive(Default)]
struct Seen {
    last: Option<Found>,
    /// It was not taken, and that was told.
    refused: Option<Found>,
    /// When it was told that a certificate runs out.
    told: Option<Instant>,
}

/// What is in the files, or why they are not read.
type Found = Result<Fingerprint, String>;

impl Current {
    pub(super) fn new(configs: Configs) -> Self {
        Self(Arc::new(Inner { configs: Mutex::new(configs), address: OnceLock::new() }))
    }

    pub(super) fn get(&self) -> Configs {
        lock(&self.0.configs).clone()
    }

    /// Whether others would take this node's certificate when they dial `address`. They have to take later ones, too.
    pub(crate) fn check_own(&self, address: &str) -> Result<(), StartError> {
        let address = self.0.address.get_or_init(|| address.into());
        self.get().check_own(address)
    }

    /// Looks at the files from time to time.
    pub(super) async fn follow(self, each: Duration) {
        let (host, mut seen) = (Host::current(), Seen::default());
        loop {
            self.tell_of_its_end(host.now(), &mut seen.told);
            host.sleep(each).await;
            let paths = self.get().paths().clone();
            match host.blocking(move || Files::read(&paths)).await {
                Ok(files) => self.take(files, &mut seen),
                // The node ends.
                Err(_) => return,
            }
        }
    }

    /// Takes what the files have, if it is another than before, is not being written still, and would have done at the start.
    fn take(&self, files: Result<Files, StartError>, seen: &mut Seen) {
        let found = files.as_ref().map(Files::fingerprint).map_err(ToString::to_string);
        if found == Ok(self.get().fingerprint()) {
            (seen.last, seen.refused) = (None, None);
            return;
        }
        if seen.last.as_ref() != Some(&found) {
            seen.last = Some(found);
            return;
        }
        match files.and_then(|files| self.checked(&files)) {
            Ok(configs) => {
                tracing::info!(certificate = %configs.paths().certificate.display(), "the TLS files have changed, and are taken");
                *lock(&self.0.configs) = configs;
                *seen = Seen::default();
            }
            Err(error) if seen.refused.as_ref() != Some(&found) => {
                tracing::warn!(%error, "the TLS files have changed, and cannot be taken; what they had before is used still");
                seen.refused = Some(found);
            }
            // A time may come when it does.
            Err(_) => {}
        }
    }

    fn checked(&self, files: &Files) -> Result<Configs, StartError> {
        let configs = Configs::of(files)?;
        match self.0.address.get() {
            Some(address) => configs.check_own(address).map(|()| configs),
            None => Ok(configs),
        }
    }

    fn tell_of_its_end(&self, now: Instant, told: &mut Option<Instant>) {
        if told.is_some_and(|told| now.saturating_duration_since(told) < DAY) {
            return;
        }
        let (configs, today) = (self.get(), UnixTime::now());
        let by = UnixTime::since_unix_epoch(Duration::from_secs(today.as_secs()) + SOON);
        let Some(end) = configs.has_run_out(by) else { return };
        *told = Some(now);
        let certificate = configs.paths().certificate.display();
        match end.as_secs().checked_sub(today.as_secs()) {
            Some(left) => tracing::warn!(
                %certificate,
                "this node's certificate runs out in {} days and {} hours: put a new one in its place, which is taken within a minute",
                left / DAY.as_secs(),
                left % DAY.as_secs() / 3600,
            ),
            None => tracing::warn!(
                %certificate,
                "this node's certificate has run out, and no new connection is made: put a new one in its place, which is taken within a minute"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rcgen::KeyPair;

    use super::{
        super::{Authority, Handshakes},
        *,
    };

    const EACH: Duration = Duration::from_millis(10);
    const AT: &str = "127.0.0.1:1";

    async fn until(mut is_so: impl AsyncFnMut() -> bool) {
        let host = Host::current();
        let reached = async {
            while !is_so().await {
                host.sleep(EACH).await;
            }
        };
        host.timeout(Duration::from_secs(20), reached).await.expect("it comes to be so");
    }

    /// Whether one connects to the other, and is let in.
    async fn connects(from: &Handshakes, to: &Handshakes) -> bool {
        let host = Host::current();
        let listener = host.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let at = listener.local_addr().unwrap();
        let (there, here) = tokio::join!(listener.accept(), host.connect(at, Duration::from_secs(5)));
        let name = at.to_string();
        let (accepted, connected) = tokio::join!(to.accept(there.unwrap().0), from.connect(here.unwrap(), &name));
        accepted.is_ok() && connected.is_ok()
    }

    #[tokio::test]
    async fn what_is_renewed_is_shown_on_new_connections() {
        let (host, authority) = (Host::current(), Authority::new());
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let start = |authority: &Authority, dir: &Path| {
            let configs = Configs::read(&authority.write(dir, "127.0.0.1")).unwrap();
            let (handshakes, running) = Handshakes::start_looking(&host, configs, EACH).unwrap();
            handshakes.configs().check_own(AT).unwrap();
            (handshakes, running)
        };
        let (a, _a) = start(&authority, dirs[0].path());
        let (b, _b) = start(&Authority::new(), dirs[1].path());
        assert!(!connects(&a, &b).await && !connects(&b, &a).await, "they have nothing in common");
        authority.write(dirs[1].path(), "127.0.0.1");
        until(async || connects(&a, &b).await && connects(&b, &a).await).await;
    }

    #[tokio::test]
    async fn what_would_not_do_at_the_start_is_not_taken() {
        let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
        let tls = authority.write(dir.path(), "127.0.0.1");
        let current = Current::new(Configs::read(&tls).unwrap());
        current.check_own(AT).unwrap();
        let first = current.get().fingerprint();
        let mut seen = Seen::default();
        let mut looks = |count: usize| {
            for _ in 0..count {
                current.take(Files::read(&tls), &mut seen);
            }
            (current.get().fingerprint() == first, seen.refused.is_some())
        };
        // For another host, half of the files, a garbled one, none.
        authority.write(dir.path(), "elsewhere");
        assert_eq!(looks(1), (true, false), "it may be written still");
        assert_eq!(looks(3), (true, true));
        authority.write(dir.path(), "127.0.0.1");
        std::fs::write(&tls.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert_eq!(looks(3), (true, true));
        std::fs::write(&tls.ca, "nothing").unwrap();
        assert_eq!(looks(3), (true, true));
        std::fs::remove_file(&tls.certificate).unwrap();
        assert_eq!(looks(3), (true, true));
        authority.write(dir.path(), "127.0.0.1");
        assert_eq!(looks(2), (false, false));
    }

    #[test]
    fn the_end_of_a_certificate_is_known_before() {
        let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
        let configs = Configs::read(&authority.write(dir.path(), "127.0.0.1")).unwrap();
        // Those of rcgen last until the year 4096.
        assert_eq!(configs.has_run_out(UnixTime::now()), None);
        let (late, end) = (Duration::from_secs(70_000_000_000), 67_090_000_000..67_100_000_000);
        let runs_out = configs.has_run_out(UnixTime::since_unix_epoch(late)).expect("it does").as_secs();
        assert!(end.contains(&runs_out), "{runs_out}");
    }
}

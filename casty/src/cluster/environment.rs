//! Settings of a node from environment variables. Pure: who looks them up is an argument.

use std::ffi::{OsStr, OsString};

use super::{DistributedBuilder, NodeId, RaftConfig, StartError, settings::Settings, wire::handshake::Secret};

impl DistributedBuilder {
    /// Reads the environment: what it says goes before what was set so far. `#[casty::main(distributed)]` does this.
    ///
    /// | variable | as | such as |
    /// | --- | --- | --- |
    /// | `CASTY_BIND` | the argument of [`distributed`](crate::ActorSystem::distributed) | `0.0.0.0:8001` |
    /// | `CASTY_SEEDS` | [`seeds`](Self::seeds), separated by commas; empty for none | `node1:8001,node2:8001` |
    /// | `CASTY_ADVERTISE` | [`advertise`](Self::advertise) | `node1:8001` |
    /// | `CASTY_NODE_ID` | [`node_id`](Self::node_id) | `node-1` |
    /// | `CASTY_DATA_DIR` | [`data_dir`](Self::data_dir) | `/var/lib/shop` |
    /// | `CASTY_CLUSTER` | [`cluster_name`](Self::cluster_name) | `shop` |
    /// | `CASTY_RAFT` | [`raft`](Self::raft) | `fast`, `default` or `relaxed` |
    /// | `CASTY_SECRET` | [`secret`](Self::secret) | |
    /// | `CASTY_TLS_CA`, `CASTY_TLS_CERT`, `CASTY_TLS_KEY` | `tls`, with the feature of that name; all three, or none | `/etc/shop/ca.pem` |
    /// | `CASTY_INSECURE` | [`insecure`](Self::insecure) | `1` or `true`, `0` or `false` |
    ///
    /// # Errors
    /// [`StartError::Setting`], which names the variable, if one says what cannot be.
    ///
    /// ```no_run
    /// use casty::prelude::*;
    ///
    /// # async fn example() -> casty::Result<()> {
    /// let system = ActorSystem::distributed("127.0.0.1:0").environment()?.start().await?;
    /// # Ok(()) }
    /// ```
    pub fn environment(mut self) -> Result<Self, StartError> {
        read(&mut self.0, |name| std::env::var_os(name)).map_err(StartError::Setting)?;
        Ok(self)
    }
}

/// Puts what `look_up` knows into the settings.
fn read(settings: &mut Settings, look_up: impl Fn(&str) -> Option<OsString>) -> Result<(), String> {
    let text = |name| look_up(name).map(|value| text(name, value)).transpose();
    let address = |name| text(name)?.map(|value| address(name, &value).map(|()| value)).transpose();
    if let Some(bind) = address("CASTY_BIND")? {
        settings.bind = bind;
    }
    if let Some(seeds) = look_up("CASTY_SEEDS") {
        settings.seeds = self::seeds(&seeds)?;
    }
    if let Some(advertise) = address("CASTY_ADVERTISE")? {
        settings.advertise = Some(advertise);
    }
    if let Some(id) = text("CASTY_NODE_ID")? {
        settings.node_id = Some(NodeId::from(id));
    }
    if let Some(dir) = look_up("CASTY_DATA_DIR") {
        settings.data_dir = Some(filled("CASTY_DATA_DIR", dir)?.into());
    }
    if let Some(name) = text("CASTY_CLUSTER")? {
        settings.cluster = name;
    }
    if let Some(raft) = text("CASTY_RAFT")? {
        settings.raft = match &*raft {
            "fast" => RaftConfig::fast(),
            "default" => RaftConfig::default(),
            "relaxed" => RaftConfig::relaxed(),
            _ => return Err(format!("CASTY_RAFT: \"{raft}\" is none of \"fast\", \"default\", \"relaxed\"")),
        };
    }
    if let Some(secret) = look_up("CASTY_SECRET") {
        settings.secret = Some(Secret::from(filled("CASTY_SECRET", secret)?.as_encoded_bytes()));
    }
    tls(settings, &look_up)?;
    if let Some(insecure) = text("CASTY_INSECURE")? {
        settings.insecure = match &*insecure {
            "1" | "true" => true,
            "0" | "false" => false,
            _ => return Err(format!("CASTY_INSECURE: \"{insecure}\" is none of \"1\", \"true\", \"0\", \"false\"")),
        };
    }
    Ok(())
}

const TLS: [&str; 3] = ["CASTY_TLS_CA", "CASTY_TLS_CERT", "CASTY_TLS_KEY"];

#[cfg(feature = "tls")]
fn tls(settings: &mut Settings, look_up: &impl Fn(&str) -> Option<OsString>) -> Result<(), String> {
    let path = |name| look_up(name).map(|value| filled(name, value)).transpose();
    match [path(TLS[0])?, path(TLS[1])?, path(TLS[2])?] {
        [None, None, None] => {}
        [Some(ca), Some(certificate), Some(key)] => {
            settings.tls = Some(super::Tls { ca: ca.into(), certificate: certificate.into(), key: key.into() });
        }
        paths => {
            let missing: Vec<_> = TLS.iter().zip(&paths).filter(|(_, path)| path.is_none()).map(|(name, _)| *name).collect();
            return Err(format!("{}: not set, and TLS needs all of {}", missing.join(", "), TLS.join(", ")));
        }
    }
    Ok(())
}

#[cfg(not(feature = "tls"))]
fn tls(_: &mut Settings, look_up: &impl Fn(&str) -> Option<OsString>) -> Result<(), String> {
    match TLS.iter().find(|name| look_up(name).is_some()) {
        Some(name) => Err(format!("{name}: this program is built without TLS; give casty its feature `tls`, or leave it unset")),
        None => Ok(()),
    }
}

/// An empty variable is a mistake: most likely whoever set it had nothing to set it to.
fn filled(name: &str, value: OsString) -> Result<OsString, String> {
    if value.is_empty() { Err(format!("{name} is empty: give it a value, or leave it unset")) } else { Ok(value) }
}

fn text(name: &str, value: OsString) -> Result<String, String> {
    let text = utf8(name, &filled(name, value)?)?.trim().to_owned();
    if text.is_empty() { Err(format!("{name} is blank: give it a value, or leave it unset")) } else { Ok(text) }
}

fn utf8<'a>(name: &str, value: &'a OsStr) -> Result<&'a str, String> {
    value.to_str().ok_or_else(|| format!("{name} is not valid UTF-8"))
}

fn seeds(value: &OsStr) -> Result<Vec<String>, String> {
    let value = utf8("CASTY_SEEDS", value)?;
    let seeds: Vec<_> = value.split(',').map(str::trim).filter(|seed| !seed.is_empty()).map(str::to_owned).collect();
    seeds.iter().try_for_each(|seed| address("CASTY_SEEDS", seed))?;
    Ok(seeds)
}

/// Whether it looks like `host:port`. What the host is shows when it is resolved.
fn address(name: &str, value: &str) -> Result<(), String> {
    let wrong = |reason: String| Err(format!("{name}: \"{value}\" is no address: {reason}; write \"host:port\""));
    let Some((host, port)) = value.rsplit_once(':') else { return wrong("it has no port".into()) };
    if host.is_empty() {
        return wrong("it has no host".into());
    }
    if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
        return wrong("an IPv6 address is written in brackets, as \"[::1]:8001\"".into());
    }
    if port.parse::<u16>().is_err() {
        return wrong(format!("\"{port}\" is no port"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let mut settings = DistributedBuilder::new("127.0.0.1:7".into()).seeds(["a:1"]).insecure().0;
        let look_up = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        super::read(&mut settings, look_up).map(|()| settings)
    }

    #[test]
    fn what_the_environment_does_not_say_stays() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.bind, "127.0.0.1:7");
        assert_eq!(settings.seeds, ["a:1"]);
        assert!(settings.insecure && settings.secret.is_none() && settings.data_dir.is_none());
    }

    #[test]
    fn what_it_says_goes_first() {
        let settings = read(&[
            ("CASTY_BIND", "0.0.0.0:8001"),
            ("CASTY_SEEDS", " node1:8001, [::1]:8002 ,"),
            ("CASTY_ADVERTISE", "node1:0"),
            ("CASTY_NODE_ID", "node-1"),
            ("CASTY_DATA_DIR", "/var/lib/shop"),
            ("CASTY_SECRET", " hush "),
            ("CASTY_CLUSTER", "shop"),
            ("CASTY_RAFT", "relaxed"),
            ("CASTY_INSECURE", "0"),
        ])
        .unwrap();
        assert_eq!(settings.bind, "0.0.0.0:8001");
        assert_eq!(settings.seeds, ["node1:8001", "[::1]:8002"]);
        assert_eq!(settings.advertise.as_deref(), Some("node1:0"));
        assert_eq!(settings.node_id.unwrap().as_str(), "node-1");
        assert_eq!(settings.data_dir.unwrap().to_str(), Some("/var/lib/shop"));
        assert_eq!(settings.secret.unwrap().bytes(), b" hush ");
        assert_eq!(settings.cluster, "shop");
        assert_eq!(settings.raft, RaftConfig::relaxed());
        assert!(!settings.insecure);
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_wants_all_of_its_files() {
        let all = [("CASTY_TLS_CA", "ca.pem"), ("CASTY_TLS_CERT", "node.pem"), ("CASTY_TLS_KEY", "node.key")];
        let tls = crate::Tls { ca: "ca.pem".into(), certificate: "node.pem".into(), key: "node.key".into() };
        assert_eq!(read(&all).unwrap().tls, Some(tls));
        let error = read(&all[..2]).err().unwrap();
        assert!(error.starts_with("CASTY_TLS_KEY: not set"), "{error}");
        let error = read(&all[1..2]).err().unwrap();
        assert!(error.starts_with("CASTY_TLS_CA, CASTY_TLS_KEY: not set"), "{error}");
        assert!(read(&[("CASTY_TLS_CA", "")]).is_err_and(|error| error.starts_with("CASTY_TLS_CA is empty")));
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_wants_the_feature() {
        let error = read(&[("CASTY_TLS_KEY", "node.key")]).err().unwrap();
        assert!(error.starts_with("CASTY_TLS_KEY: ") && error.contains("feature `tls`"), "{error}");
    }

    #[test]
    fn no_seeds_are_an_empty_list() {
        assert!(read(&[("CASTY_SEEDS", "")]).unwrap().seeds.is_empty());
    }

    #[test]
    fn what_cannot_be_names_its_variable() {
        let wrong = |name, value, reason| {
            let error = read(&[(name, value)]).err().unwrap();
            assert!(error.starts_with(name) && error.contains(reason), "{error}");
        };
        wrong("CASTY_BIND", "8001", "it has no port; write \"host:port\"");
        wrong("CASTY_BIND", ":8001", "it has no host");
        wrong("CASTY_BIND", "", "is empty");
        wrong("CASTY_BIND", "0.0.0.0:80010", "\"80010\" is no port");
        wrong("CASTY_SEEDS", "node1:8001,node2", "\"node2\" is no address: it has no port");
        wrong("CASTY_SEEDS", "::1:8001", "in brackets");
        wrong("CASTY_ADVERTISE", "node1", "no port");
        wrong("CASTY_NODE_ID", " ", "is blank");
        wrong("CASTY_DATA_DIR", "", "is empty");
        wrong("CASTY_SECRET", "", "is empty");
        wrong("CASTY_RAFT", "quick", "is none of \"fast\", \"default\", \"relaxed\"");
        wrong("CASTY_INSECURE", "yes", "is none of \"1\", \"true\"");
    }
}

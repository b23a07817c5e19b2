//! Network namespaces, one for each node, at a bridge in a namespace of its own. The machine's own network is not touched.

use std::process::{self, Command};

/// Goes with all its namespaces, at a panic too.
#[derive(Debug)]
pub(crate) struct Topology {
    prefix: String,
    count: usize,
}

impl Topology {
    pub(crate) fn new(count: usize) -> Result<Self, String> {
        for program in ["ip", "iptables"] {
            let found = Command::new(program).arg("--version").output().or_else(|_| Command::new(program).arg("-V").output());
            found.map_err(|error| format!("{program} cannot be run ({error}): apt-get install iproute2 iptables"))?;
        }
        let topology = Self { prefix: format!("casty{}", process::id()), count };
        topology.build().map_err(|problem| format!("{problem}; this needs root"))?;
        Ok(topology)
    }

    fn build(&self) -> Result<(), String> {
        let hub = self.hub();
        ip(&format!("netns add {hub}"))?;
        ip(&format!("-n {hub} link add hub type bridge"))?;
        ip(&format!("-n {hub} link set hub up"))?;
        for node in 0..self.count {
            let space = self.space(node);
            ip(&format!("netns add {space}"))?;
            ip(&format!("-n {space} link set lo up"))?;
            ip(&format!("-n {hub} link add port{node} type veth peer name eth0 netns {space}"))?;
            ip(&format!("-n {hub} link set port{node} master hub up"))?;
            ip(&format!("-n {space} addr add {}/24 dev eth0", Self::ip_of(node)))?;
            ip(&format!("-n {space} link set eth0 up"))?;
        }
        Ok(())
    }

    fn hub(&self) -> String {
        format!("{}-hub", self.prefix)
    }

    fn space(&self, node: usize) -> String {
        format!("{}-{node}", self.prefix)
    }

    pub(crate) fn ip_of(node: usize) -> String {
        format!("10.77.0.{}", node + 1)
    }

    /// A command that runs `program` in the node's namespace, in place of itself.
    pub(crate) fn command(&self, node: usize, program: &std::path::Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(node)]).arg(program);
        command
    }

    /// Drops what comes to `to` from `from`.
    pub(crate) fn cut(&self, from: usize, to: usize) -> Result<(), String> {
        let space = self.space(to);
        ip(&format!("netns exec {space} iptables -w -A INPUT -s {} -j DROP", Self::ip_of(from)))
    }

    /// Drops a part of what comes to `to`, in percent.
    pub(crate) fn lose(&self, to: usize, percent: u64) -> Result<(), String> {
        let space = self.space(to);
        let lost = format!("-m statistic --mode random --probability 0.{percent:02}");
        ip(&format!("netns exec {space} iptables -w -A INPUT -i eth0 {lost} -j DROP"))
    }

    pub(crate) fn heal(&self) -> Result<(), String> {
        (0..self.count).try_for_each(|node| ip(&format!("netns exec {} iptables -w -F INPUT", self.space(node))))
    }
}

impl Drop for Topology {
    fn drop(&mut self) {
        for node in 0..self.count {
            let _ = ip(&format!("netns del {}", self.space(node)));
        }
        let _ = ip(&format!("netns del {}", self.hub()));
    }
}

fn ip(args: &str) -> Result<(), String> {
    let output = Command::new("ip").args(args.split(' ')).output().map_err(|error| format!("ip: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(format!("ip {args}: {}", String::from_utf8_lossy(&output.stderr).trim())) }
}

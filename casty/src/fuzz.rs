//! The entrances of the fuzzers in `fuzz/`. Any bytes may come; a panic is a finding.

/// Reads bytes as frames of the data and control lanes.
pub fn frames(data: &[u8]) {
    crate::cluster::wire::fuzz::fuzz_frames(data);
}

/// Has bytes as a peer in a handshake.
pub fn handshake(data: &[u8]) {
    crate::cluster::wire::fuzz::fuzz_handshake(data);
}

/// Has commands applied to the control plane's state.
pub fn commands(data: &[u8]) {
    crate::cluster::control::fuzz::fuzz_commands(data);
}

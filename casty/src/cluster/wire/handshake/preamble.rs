//! The very first bytes of both sides, by which strangers are told.

use bytes::{Buf, BytesMut};

use super::{
    HandshakeError, RefuseCode,
    refusal::{not_casty, refusing},
};

const MAGIC: [u8; 6] = *b"CASTY\0";

/// The format of the handshake, which versions of the protocol do not change.
const FORMAT: u16 = 1;

/// What both sides begin with: the magic word and the format, little-endian.
pub(super) const PREAMBLE: [u8; 8] = {
    let ([c, a, s, t, y, end], [low, high]) = (MAGIC, FORMAT.to_le_bytes());
    [c, a, s, t, y, end, low, high]
};

// From here on a stranger shows what it is.
const TELLING: usize = 5;

/// Takes the peer's preamble off the input, or says that more of it is needed.
pub(super) fn take(input: &mut BytesMut) -> Result<bool, HandshakeError> {
    let magic = input.len().min(MAGIC.len());
    if input[..magic] != MAGIC[..magic] {
        return if input.len() < TELLING { Ok(false) } else { Err(not_casty(foreign(input).unwrap_or("no casty node"))) };
    }
    let Some(&preamble) = input.first_chunk::<8>() else { return Ok(false) };
    if preamble != PREAMBLE {
        let format = u16::from_le_bytes([preamble[6], preamble[7]]);
        return refusing(
            RefuseCode::Version,
            format!(
                "this node shakes hands in format {FORMAT}, the peer in format {format}; run builds that are closer together"
            ),
        );
    }
    input.advance(PREAMBLE.len());
    Ok(true)
}

/// What a peer that begins so looks like, unless it is like a casty node so far.
pub(super) fn foreign(input: &[u8]) -> Option<&'static str> {
    let magic = input.len().min(MAGIC.len());
    if input[..magic] == MAGIC[..magic] {
        return None;
    }
    Some(match input {
        _ if is_http(input) || input.starts_with(b"HTTP/") => "HTTP",
        [0x14..=0x17, 3, ..] => "TLS",
        _ if input.starts_with(b"SSH-") => "SSH",
        _ => "no casty node",
    })
}

/// Whether a peer that begins so is an HTTP client.
pub(super) fn is_http(input: &[u8]) -> bool {
    const METHODS: [&[u8]; 10] =
        [b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELET", b"OPTIO", b"PATCH", b"CONNE", b"TRACE", b"PRI *"];
    METHODS.iter().any(|method| input.starts_with(method))
}

/// Tells an HTTP client in its own words.
pub(super) fn answer_http(text: &str, output: &mut Vec<u8>) {
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{text}\n",
        text.len() + 1
    );
    output.extend_from_slice(answer.as_bytes());
}

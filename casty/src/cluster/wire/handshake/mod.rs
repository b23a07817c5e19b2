//! How two nodes make sure of each other before they talk.
//!
//! Each step tells as little as it can to who has not proved anything yet:
//!
//! | # | from | frame | holds |
//! | --- | --- | --- | --- |
//! | 1 | connecting | preamble, `Hello` | protocol versions, whether there is a secret, a nonce |
//! | 2 | accepting | preamble, `Welcome` | the version, whether there is a secret, a nonce |
//! | 3 | connecting | `Proof` | who it is, lane and session; proof that it knows the secret |
//! | 4 | accepting | `Accept` | who it is; proof that it knows the secret |
//! | 5 | connecting | `Begin` | nothing: it accepts the other |
//!
//! A proof is an HMAC-SHA256 over all that was said before on both sides, nonces included, and the introduction it comes
//! with; it is checked before the introduction is parsed. So who dials without the secret learns the version, that there
//! is a secret, and nothing of the cluster. Either side may say `Refuse` instead of its next frame, with a code and a
//! text, and closes.
//!
//! The secret proves who is there when a connection begins. It hides nothing, and whoever can change bytes on the way
//! can change those that follow: where that matters, run the connection over TLS.

mod hello;
mod peer;
mod preamble;
mod proof;
mod refusal;
#[cfg(test)]
mod tests;

use bytes::BytesMut;

use self::hello::{Hello, Introduction, Proven, Welcome};
pub(crate) use self::{
    hello::Lane,
    peer::{Local, Peer, Versions},
    proof::Secret,
    refusal::{HandshakeError, RefuseCode},
};
use self::{preamble::PREAMBLE, proof::Transcript};
use super::{Frame, FrameReader, Kind, Kinds, WireError, codec};

/// The longest frame of a handshake. Neither side takes more than three, so a whole handshake is under 16 KiB.
const FRAME_LIMIT: u32 = 4 * 1024;

/// One side of a handshake. Bytes from the peer go in, bytes for the peer come out.
#[derive(Debug)]
pub(crate) struct Handshake {
    local: Local,
    state: State,
    reader: FrameReader,
    transcript: Transcript,
    // Whether the peer's preamble has come, and whether this side's went.
    preamble: (bool, bool),
    /// Whoever it is comes without TLS where that is needed.
    turns_away: bool,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// More bytes of the peer are needed.
    More,
    /// The peer has proved who it is, and belongs to this cluster: say with [`Handshake::verdict`] whether to accept it.
    Judge(Peer),
    /// Both sides accept each other. What is left of the input are the lane's frames.
    Done(Peer),
}

#[derive(Debug)]
enum State {
    /// The connecting side waits for `Welcome`.
    Welcome { lane: Lane, session: u64 },
    /// The connecting side waits for `Accept`.
    Accept { version: u16, lane: Lane, session: u64 },
    /// The accepting side waits for `Hello`.
    Hello,
    /// The accepting side waits for `Proof`.
    Proof { version: u16 },
    /// The caller judges the peer, to which this side has connected or not.
    Judging { peer: Peer, connecting: bool },
    /// The accepting side waits for `Begin`.
    Begin { peer: Peer },
    /// Nothing more is expected.
    Over,
}

impl Handshake {
    /// The connecting side, and the first bytes that it sends.
    pub(crate) fn connect(local: Local, lane: Lane, session: u64) -> Result<(Self, Vec<u8>), HandshakeError> {
        let hello = Hello {
            version_min: local.versions.min,
            version_max: local.versions.max,
            auth: local.auth(),
            nonce: local.nonce.into(),
        };
        let mut this = Self::new(local, State::Welcome { lane, session })?;
        let mut output = Vec::with_capacity(256);
        this.say(Kind::Hello, &hello, &mut output)?;
        Ok((this, output))
    }

    /// The accepting side, which waits for the other's first bytes.
    pub(crate) fn accept(local: Local) -> Result<Self, HandshakeError> {
        Self::new(local, State::Hello)
    }

    /// The accepting side of a connection without TLS, where that is needed: it refuses whoever it is, in words that are
    /// understood there.
    #[cfg(feature = "tls")]
    pub(crate) fn turn_away(local: Local) -> Result<Self, HandshakeError> {
        Ok(Self { turns_away: true, ..Self::new(local, State::Hello)? })
    }

    /// What the accepting side sends instead of a handshake to a peer that it does not even want to hear.
    #[cfg(test)]
    pub(crate) fn refusal(code: RefuseCode, text: &str) -> Vec<u8> {
        let mut output = PREAMBLE.to_vec();
        refusal::write(code, text, &mut output);
        output
    }

    /// Takes what has come of the peer, as far as the handshake goes: read little at a time until then. What `output` holds then is to be sent, also after
    /// an error; after an error the connection is to be closed then.
    pub(crate) fn feed(&mut self, input: &mut BytesMut, output: &mut Vec<u8>) -> Result<Step, HandshakeError> {
        let step = self.advance(input, output);
        step.inspect_err(|error| self.fail(error, input, output))
    }

    /// Accepts the peer of [`Step::Judge`], or refuses it. As with `feed`, what `output` holds then is to be sent.
    pub(crate) fn verdict(
        &mut self,
        verdict: Result<(), (RefuseCode, String)>,
        output: &mut Vec<u8>,
    ) -> Result<Step, HandshakeError> {
        let State::Judging { peer, connecting } = std::mem::replace(&mut self.state, State::Over) else {
            return Err(HandshakeError::Over);
        };
        if let Err((code, text)) = verdict {
            let error = HandshakeError::Refusing { code, text };
            self.fail(&error, &BytesMut::new(), output);
            return Err(error);
        }
        if connecting {
            self.say(Kind::Begin, &(), output)?;
            return Ok(Step::Done(peer));
        }
        let accept = self.proven(proof::ACCEPTING, &Introduction::of(&self.local, None))?;
        self.say(Kind::Accept, &accept, output)?;
        self.state = State::Begin { peer };
        Ok(Step::More)
    }

    /// The error for a connection that ended before its handshake did; `input` is what was not taken yet.
    pub(crate) fn closed(&self, input: &BytesMut) -> HandshakeError {
        match preamble::foreign(input) {
            Some(looks_like) if !self.preamble.0 => refusal::not_casty(looks_like),
            _ => HandshakeError::Closed,
        }
    }

    fn new(local: Local, state: State) -> Result<Self, HandshakeError> {
        local.check()?;
        Ok(Self {
            local,
            state,
            reader: FrameReader::new(Kinds::Handshake, FRAME_LIMIT),
            transcript: Transcript::new(),
            preamble: (false, false),
            turns_away: false,
        })
    }

    fn advance(&mut self, input: &mut BytesMut, output: &mut Vec<u8>) -> Result<Step, HandshakeError> {
        if let State::Over = self.state {
            return Err(HandshakeError::Over);
        }
        if !self.preamble.0 {
            if !preamble::take(input)? {
                return Ok(Step::More);
            }
            self.preamble.0 = true;
            self.transcript.absorb(&PREAMBLE);
        }
        loop {
            if let State::Judging { peer, .. } = &self.state {
                return Ok(Step::Judge(peer.clone()));
            }
            let Some(frame) = self.reader.next(input).map_err(malformed)? else { return Ok(Step::More) };
            if frame.kind == Kind::Refuse {
                return Err(refusal::read(&frame.payload));
            }
            if let Some(done) = self.take(&frame, output)? {
                return Ok(done);
            }
        }
    }

    /// Takes the next frame of the peer.
    fn take(&mut self, frame: &Frame, output: &mut Vec<u8>) -> Result<Option<Step>, HandshakeError> {
        match (std::mem::replace(&mut self.state, State::Over), frame.kind) {
            (State::Hello, Kind::Hello) => {
                let hello: Hello = parse(frame)?;
                if self.turns_away {
                    return Err(refusal::needs_tls());
                }
                let version = self.local.versions.agree(Versions { min: hello.version_min, max: hello.version_max })?;
                self.local.agree_auth(hello.auth)?;
                self.transcript.absorb_frame(frame);
                let welcome = Welcome { version, auth: self.local.auth(), nonce: self.local.nonce.into() };
                self.say(Kind::Welcome, &welcome, output)?;
                self.state = State::Proof { version };
            }
            (State::Welcome { lane, session }, Kind::Welcome) => {
                let Welcome { version, auth, .. } = parse(frame)?;
                self.local.versions.agree(Versions { min: version, max: version })?;
                self.local.agree_auth(auth)?;
                self.transcript.absorb_frame(frame);
                let proof = self.proven(proof::CONNECTING, &Introduction::of(&self.local, Some((lane, session))))?;
                self.say(Kind::Proof, &proof, output)?;
                self.state = State::Accept { version, lane, session };
            }
            (State::Proof { version }, Kind::Proof) => {
                let introduction = self.verify(proof::CONNECTING, frame)?;
                self.transcript.absorb_frame(frame);
                let Some((lane, session)) = introduction.lane.zip(introduction.session) else {
                    return Err(refusal::malformed("the connecting side names no lane or session"));
                };
                let peer = self.local.meet(introduction, version, lane, session)?;
                self.state = State::Judging { peer, connecting: false };
            }
            (State::Accept { version, lane, session }, Kind::Accept) => {
                let introduction = self.verify(proof::ACCEPTING, frame)?;
                let peer = self.local.meet(introduction, version, lane, session)?;
                self.state = State::Judging { peer, connecting: true };
            }
            (State::Begin { peer }, Kind::Begin) => {
                parse::<()>(frame)?;
                return Ok(Some(Step::Done(peer)));
            }
            (_, kind) => return Err(refusal::malformed(format!("a frame `{kind:?}` out of turn"))),
        }
        Ok(None)
    }

    /// Appends a frame, and the preamble before the first. Both sides remember what was said.
    fn say<T: serde::Serialize>(&mut self, kind: Kind, value: &T, output: &mut Vec<u8>) -> Result<(), HandshakeError> {
        let from = output.len();
        self.say_preamble(output);
        let start = super::begin_frame(output, kind);
        codec::encode(value, output).map_err(|error| HandshakeError::Local { what: error.to_string() })?;
        start.end(output, FRAME_LIMIT).map_err(|error| HandshakeError::Local { what: error.to_string() })?;
        self.transcript.absorb(&output[from..]);
        Ok(())
    }

    fn say_preamble(&mut self, output: &mut Vec<u8>) {
        if !self.preamble.1 {
            output.extend_from_slice(&PREAMBLE);
            self.preamble.1 = true;
        }
    }

    fn proven(&self, side: &[u8], introduction: &Introduction) -> Result<Proven, HandshakeError> {
        let mut bytes = Vec::with_capacity(256);
        codec::encode(introduction, &mut bytes).map_err(|error| HandshakeError::Local { what: error.to_string() })?;
        let proof = match &self.local.secret {
            Some(secret) => self.transcript.prove(secret, side, &bytes),
            None => Vec::new(),
        };
        Ok(Proven { introduction: bytes.into(), proof: proof.into() })
    }

    /// Checks the proof first, and only then reads who the peer is.
    fn verify(&self, side: &[u8], frame: &Frame) -> Result<Introduction, HandshakeError> {
        let Proven { introduction, proof } = parse(frame)?;
        if let Some(secret) = &self.local.secret
            && !self.transcript.proves(secret, side, &introduction, &proof)
        {
            return Err(refusal::wrong_secret());
        }
        codec::decode(&introduction).map_err(refusal::malformed)
    }

    fn fail(&mut self, error: &HandshakeError, input: &BytesMut, output: &mut Vec<u8>) {
        let connecting = matches!(self.state, State::Welcome { .. });
        self.state = State::Over;
        let HandshakeError::Refusing { code, text } = error else { return };
        if *code == RefuseCode::NotCasty && preamble::is_http(input) && !connecting {
            preamble::answer_http(text, output);
            return;
        }
        self.say_preamble(output);
        refusal::write(*code, text, output);
    }
}

fn parse<T: serde::de::DeserializeOwned>(frame: &Frame) -> Result<T, HandshakeError> {
    codec::decode(&frame.payload).map_err(|error| refusal::malformed(format!("a frame `{:?}`: {error}", frame.kind)))
}

fn malformed(error: WireError) -> HandshakeError {
    refusal::malformed(error)
}

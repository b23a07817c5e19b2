//! What an actor is, once it is known to be right.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Generics, Type};

/// An `#[actor] impl`.
pub(super) struct Actor {
    pub(super) itself: Type,
    pub(super) generics: Generics,
    pub(super) handlers: Vec<Handler>,
    pub(super) hooks: Vec<Hook>,
}

/// A method that takes one kind of message.
pub(super) struct Handler {
    pub(super) name: Ident,
    /// The type, with `Self` written out.
    pub(super) message: TokenStream,
    pub(super) mode: Mode,
    pub(super) takes_ctx: bool,
    /// Its receiver is `&self`.
    pub(super) reads: bool,
    /// Where its return type stands, or its name if there is none.
    pub(super) output: Span,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Plain,
    Async,
    /// Reported as wrong. The actor is known to handle the message, so that nobody who sends it is reported too.
    Broken,
}

/// A method of the actor's life, known by its name.
pub(super) struct Hook {
    pub(super) kind: HookKind,
    pub(super) name: Ident,
    pub(super) is_async: bool,
    pub(super) takes: Vec<Parameter>,
    pub(super) output: Span,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum HookKind {
    OnStart,
    OnStop,
    PreRestart,
    PostRestart,
    OnChildFailure,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    Child,
    Failure,
    Ctx,
}

impl HookKind {
    pub(super) fn of(name: &Ident) -> Option<Self> {
        Some(match &*name.to_string() {
            "on_start" => Self::OnStart,
            "on_stop" => Self::OnStop,
            "pre_restart" => Self::PreRestart,
            "post_restart" => Self::PostRestart,
            "on_child_failure" => Self::OnChildFailure,
            _ => return None,
        })
    }

    /// What it may take, in this order.
    pub(super) fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::OnStart | Self::OnStop => &[Parameter::Ctx],
            Self::PreRestart | Self::PostRestart => &[Parameter::Failure, Parameter::Ctx],
            Self::OnChildFailure => &[Parameter::Child, Parameter::Failure, Parameter::Ctx],
        }
    }
}

impl Parameter {
    /// The name of its type.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Child => "AnyRef",
            Self::Failure => "Failure",
            Self::Ctx => "Context",
        }
    }

    /// How it is written.
    pub(super) fn form(self) -> &'static str {
        match self {
            Self::Child => "child: &AnyRef",
            Self::Failure => "failure: &Failure",
            Self::Ctx => "ctx: &mut Context<Self>",
        }
    }
}

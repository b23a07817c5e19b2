//! The rules for an `#[actor] impl`.

use std::collections::HashMap;

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{FnArg, ReceiverKind, ReturnType, Safety, Signature, Type, TypeReference};

use super::{
    NO_LIFETIMES, fallback,
    model::{Actor, Handler, Hook, HookKind, Mode, Parameter},
    parse::Implementation,
};
use crate::{
    errors::Errors,
    types::{is_named, output, without_self},
};

/// The actor, as far as it is right; nothing if this is no impl that could be one.
pub(super) fn implementation(parsed: &Implementation, errors: &mut Errors) -> Option<Actor> {
    let block = &parsed.block;
    if let Some((path, _)) = &block.trait_ {
        errors.at(path, "`#[actor]` goes on the type's own `impl`, not on that of a trait");
        return None;
    }
    if let Some(lifetime) = block.generics.lifetimes().next() {
        errors.at(lifetime, NO_LIFETIMES);
        return None;
    }
    let itself = (*block.self_ty).clone();
    let handlers = parsed.handlers.iter().filter_map(|sig| handler(sig, &itself, errors)).collect();
    let hooks = parsed.hooks.iter().filter_map(|(kind, sig)| hook(*kind, sig, errors)).collect();
    let handlers = one_for_each_message(handlers, errors);
    Some(Actor { itself, generics: block.generics.clone(), handlers, hooks })
}

fn one_for_each_message(handlers: Vec<Handler>, errors: &mut Errors) -> Vec<Handler> {
    let mut seen = HashMap::new();
    let mut is_first = |handler: &Handler| {
        let first = seen.entry(handler.message.to_string()).or_insert_with(|| handler.name.clone());
        if *first == handler.name {
            return true;
        }
        let text = format!("`{first}` handles this message already; an actor has one handler for each");
        errors.at(&handler.message, text);
        false
    };
    handlers.into_iter().filter(|handler| is_first(handler)).collect()
}

/// A handler, broken if its signature is wrong but tells which message it takes.
fn handler(sig: &Signature, itself: &Type, errors: &mut Errors) -> Option<Handler> {
    let sound = plain_method(sig, "a handler", errors);
    if !takes_self(sig) {
        let tokens = sig.receiver().map_or_else(|| sig.ident.to_token_stream(), ToTokens::to_token_stream);
        errors.at(tokens, format!("a handler takes `&self` or `&mut self`, then its message: {}", handler_form(sig)));
        return fallback::handler(sig, itself);
    }
    let mut parameters = sig.inputs.iter().skip(1);
    let Some(FnArg::Typed(message)) = parameters.next() else {
        errors.at(&sig.ident, format!("a handler takes the message that it handles: {}", handler_form(sig)));
        return None;
    };
    if let Some(text) = no_message(&message.ty) {
        errors.at(&message.ty, format!("{text}: {}", handler_form(sig)));
        return None;
    }
    let ctx = parameters.next();
    let surplus = ctx.filter(|ctx| !is_reference_to(ctx, "Context")).or_else(|| parameters.next());
    if let Some(surplus) = surplus {
        let text = "behind its message a handler takes `ctx: &Context<Self>` or `ctx: &mut Context<Self>` and nothing else";
        errors.at(surplus, text);
    }
    if !sound || surplus.is_some() {
        return fallback::handler(sig, itself);
    }
    Some(Handler {
        name: sig.ident.clone(),
        message: without_self(&message.ty, itself),
        mode: if sig.asyncness.is_some() { Mode::Async } else { Mode::Plain },
        takes_ctx: ctx.is_some(),
        reads: sig.receiver().is_some_and(|receiver| matches!(receiver.kind, ReceiverKind::Reference(_, _, None))),
        output: output(sig),
    })
}

/// Why `ty` cannot be a message, if that shows.
fn no_message(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Reference(reference) if is_named(&reference.elem, "Context") => Some("a handler takes its message first"),
        Type::Reference(_) => Some("a handler owns its message, so it takes no reference"),
        Type::ImplTrait(_) => Some("a handler takes one type of message, not an `impl Trait`"),
        _ => None,
    }
}

fn handler_form(sig: &Signature) -> String {
    let asyncness = if sig.asyncness.is_some() { "async " } else { "" };
    format!("`{asyncness}fn {}(&mut self, message: MyMessage)`", sig.ident)
}

fn hook(kind: HookKind, sig: &Signature, errors: &mut Errors) -> Option<Hook> {
    if !plain_method(sig, "a lifecycle hook", errors) {
        return None;
    }
    let form = hook_form(kind, &sig.ident);
    let mut wrong = |tokens: &dyn ToTokens, text: &str| errors.at(tokens, format!("{text}; write {form}"));
    match sig.inputs.first() {
        Some(FnArg::Receiver(receiver)) if matches!(receiver.kind, ReceiverKind::Reference(_, None, Some(_))) => {}
        Some(FnArg::Receiver(receiver)) => {
            wrong(receiver, &format!("the lifecycle hook `{}` takes `&mut self`", sig.ident));
            return None;
        }
        _ => {
            wrong(&sig.ident, &format!("the lifecycle hook `{}` takes `&mut self`", sig.ident));
            return None;
        }
    }
    let mut takes = Vec::new();
    let mut left = kind.parameters().iter().copied();
    for input in sig.inputs.iter().skip(1) {
        let Some(parameter) = left.find(|parameter| is_reference_to(input, parameter.type_name())) else {
            wrong(input, &format!("the lifecycle hook `{}` does not take this here", sig.ident));
            return None;
        };
        takes.push(parameter);
    }
    let returns_option = matches!(&sig.output, ReturnType::Type(_, ty) if is_named(ty, "Option"));
    if kind == HookKind::OnChildFailure && !returns_option {
        match &sig.output {
            ReturnType::Type(_, ty) => wrong(ty, "this hook says what is to be done about the child"),
            ReturnType::Default => wrong(&sig.ident, "this hook says what is to be done about the child"),
        }
        return None;
    }
    Some(Hook { kind, name: sig.ident.clone(), is_async: sig.asyncness.is_some(), takes, output: output(sig) })
}

/// How a hook is written; each parameter after `&mut self` may be left out.
fn hook_form(kind: HookKind, name: &Ident) -> String {
    let parameters: Vec<_> = kind.parameters().iter().map(|parameter| parameter.form()).collect();
    let returns = match kind {
        HookKind::OnChildFailure => "-> Option<Directive>`, where `None` leaves it to the child's own strategy",
        _ => "-> casty::Result<()>`, or no return type",
    };
    format!("`fn {name}(&mut self, {}) {returns}; leave out the parameters that you don't need", parameters.join(", "))
}

/// Whether it is a `fn` or an `async fn` and nothing more.
fn plain_method(sig: &Signature, what: &str, errors: &mut Errors) -> bool {
    let odd = match (&sig.safety, &sig.abi) {
        (Safety::Default, None) => None,
        (Safety::Default, Some(abi)) => Some(abi.to_token_stream()),
        (safety, _) => Some(safety.to_token_stream()),
    };
    if let Some(odd) = &odd {
        errors.at(odd, format!("{what} is a plain `fn` or `async fn`"));
    }
    let has_generics = !sig.generics.params.is_empty();
    if has_generics {
        errors.at(&sig.generics, format!("{what} has no generic parameters of its own; put them on the actor"));
    }
    odd.is_none() && !has_generics
}

fn takes_self(sig: &Signature) -> bool {
    sig.receiver().is_some_and(|receiver| matches!(receiver.kind, ReceiverKind::Reference(..)))
}

fn is_reference_to(input: &FnArg, name: &str) -> bool {
    match input {
        FnArg::Typed(parameter) => match &*parameter.ty {
            Type::Reference(TypeReference { elem, mutability, .. }) => {
                is_named(elem, name) && (mutability.is_none() || name == Parameter::Ctx.type_name())
            }
            _ => false,
        },
        FnArg::Receiver(_) => false,
    }
}

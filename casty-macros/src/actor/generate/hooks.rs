//! The lifecycle hooks that the user wrote, as methods of the `Actor` impl.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::send_future;
use crate::actor::model::{Actor, Hook, HookKind, Parameter};

pub(super) fn tokens(actor: &Actor) -> TokenStream {
    if actor.hooks.is_empty() {
        return TokenStream::new();
    }
    let names = actor.hooks.iter().map(|hook| &hook.name);
    let hooks = actor.hooks.iter().map(|hook| method(actor, hook));
    quote! {
        const HOOKS: ::casty::__private::Hooks = {
            let mut hooks = ::casty::__private::Hooks::NONE;
            #(hooks.#names = true;)*
            hooks
        };
        #(#hooks)*
    }
}

fn method(actor: &Actor, hook: &Hook) -> TokenStream {
    let (itself, name) = (&actor.itself, &hook.name);
    let method = format_ident!("__{name}");
    let parameters = hook.kind.parameters().iter().map(|parameter| match parameter {
        Parameter::Child => quote!(__child: &'a ::casty::__private::AnyRef),
        Parameter::Failure => quote!(__failure: &'a ::casty::__private::Failure),
        Parameter::Ctx => quote!(__ctx: &'a mut ::casty::__private::Context<Self>),
    });
    let arguments = hook.takes.iter().map(|parameter| match parameter {
        Parameter::Child => quote!(__child),
        Parameter::Failure => quote!(__failure),
        Parameter::Ctx => quote!(__ctx),
    });
    let out = Ident::new("__out", hook.output);
    let (output, done) = match hook.kind {
        HookKind::OnChildFailure => {
            let output = quote!(::core::option::Option<::casty::__private::Directive>);
            (output.clone(), quote!({ let __decision: #output = #out; __decision }))
        }
        _ => (quote!(::casty::__private::Handled), quote!(::casty::__private::HookOutput::handled(#out))),
    };
    let future =
        if hook.is_async { quote!(::casty::__private::map(#out, |#out| #done)) } else { quote!(::core::future::ready(#done)) };
    let returns = send_future(&output, name.span());
    quote! {
        fn #method<'a>(&'a mut self, #(#parameters),*) -> #returns {
            let #out = <#itself>::#name(self, #(#arguments),*);
            #future
        }
    }
}

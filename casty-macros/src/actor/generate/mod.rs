//! The code for an `#[actor] impl`, beside the user's own: the enum of its messages, the dispatch over it, the hooks.
//!
//! All of it sits in a `const _`, and no name in it is one that a user would choose.

mod dispatch;
mod hooks;
mod inbound;
mod item;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{GenericParam, spanned::Spanned as _};

use super::model::Actor;

pub(super) fn implementation(actor: &Actor) -> TokenStream {
    let inbound = inbound::tokens(actor);
    let item = item::tokens(actor);
    let dispatch = dispatch::tokens(actor);
    let concrete = actor.generics.params.is_empty().then(|| concrete(actor));
    quote! {
        const _: () = {
            #inbound
            #item
            #dispatch
            #concrete
        };
    }
}

/// What only an actor without type parameters can have: its entry in the registry, and the check of its messages'
/// names, which are one name space on the wire.
fn concrete(actor: &Actor) -> TokenStream {
    let itself = &actor.itself;
    let names = actor.handlers.iter().map(|handler| {
        let message = handler.inbound();
        quote!(::casty::__private::WireName::of::<#message>())
    });
    let checks = actor.handlers.iter().enumerate().skip(1).map(|(index, handler)| {
        quote_spanned!(handler.message.span()=> const _: () = ::casty::__private::WireName::is_new(&__NAMES, #index);)
    });
    let names = (actor.handlers.len() > 1).then(|| {
        quote! {
            const __NAMES: &[::casty::__private::WireName] = &[#(#names),*];
            #(#checks)*
        }
    });
    quote! {
        #names
        ::casty::__private::inventory::submit! { ::casty::__private::ActorEntry::new::<#itself>() }
    }
}

/// The type of a future, at `span`, where one that is not `Send` is reported.
///
/// A name that has the span of the user's code is not found if that comes out of a `macro_rules`, and a lifetime is a
/// name: so it is left where the macro is.
fn send_future(output: &TokenStream, span: Span) -> TokenStream {
    let head = quote_spanned!(span=> impl);
    let bounds = quote_spanned!(span=> ::core::future::Future<Output = #output> + ::core::marker::Send);
    quote!(#head 'a + #bounds)
}

impl Actor {
    /// Whether the enum needs a variant that uses the type parameters up.
    fn has_types(&self) -> bool {
        self.generics.params.iter().any(|param| matches!(param, GenericParam::Type(_)))
    }

    /// The match arm for that variant.
    fn never(&self) -> Option<TokenStream> {
        self.has_types().then(|| quote!(__CastyItem::__Never(__never, _) => match __never {},))
    }

    /// Each handler, with the variant for its message.
    fn variants(&self) -> impl Iterator<Item = (Ident, &super::model::Handler)> {
        self.handlers.iter().enumerate().map(|(index, handler)| (format_ident!("V{index}"), handler))
    }
}

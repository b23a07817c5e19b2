//! The question whether a handler's parameter is a message: asked once, at its type.
//!
//! All other code is written against `Inbound::Message`, and so compiles whatever the answer is.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::{
    actor::model::{Actor, Handler},
    types::mentions,
};

pub(super) fn tokens(actor: &Actor) -> TokenStream {
    let answers = actor.handlers.iter().map(|handler| {
        let (message, answer) = (&handler.message, handler.answer());
        if handler.depends_on_parameters(actor) {
            // A constant cannot depend on them. If this is no message, there is an error for each use.
            return quote!(type #answer = ::casty::__private::Is<true>;);
        }
        let asks = quote_spanned! {message.span()=>
            const _: ::core::marker::PhantomData<<#message as ::casty::__private::Message>::Reply> = ::core::marker::PhantomData;
        };
        quote! {
            type #answer = ::casty::__private::Is<{ <::casty::__private::Probe<#message>>::MESSAGE }>;
            #asks
        }
    });
    quote! {
        #[allow(unused_imports)]
        use ::casty::__private::Otherwise as _;
        #(#answers)*
    }
}

impl Handler {
    /// The message's type, or its stand-in.
    pub(super) fn inbound(&self) -> TokenStream {
        let inbound = self.inbound_trait();
        quote!(#inbound::Message)
    }

    pub(super) fn inbound_trait(&self) -> TokenStream {
        let (message, answer) = (&self.message, self.answer());
        quote!(<#answer as ::casty::__private::Inbound<#message>>)
    }

    fn answer(&self) -> Ident {
        format_ident!("__CastyIs_{}", self.name, span = Span::call_site())
    }

    fn depends_on_parameters(&self, actor: &Actor) -> bool {
        let types = actor.generics.type_params().map(|param| &param.ident);
        let constants = actor.generics.const_params().map(|param| &param.ident);
        types.chain(constants).any(|param| mentions(&self.message, param))
    }
}

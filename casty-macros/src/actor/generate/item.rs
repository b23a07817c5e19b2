//! The mailbox's item: an enum with a variant for each message, and the way in and out of it.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Generics, parse_quote, spanned::Spanned as _};

use crate::actor::model::{Actor, Handler, Mode};

pub(super) fn tokens(actor: &Actor) -> TokenStream {
    let declaration = declaration(actor);
    let item_impl = item_impl(actor);
    let handles = actor.variants().map(|(variant, handler)| handles(actor, &variant, handler));
    quote! {
        #declaration
        #item_impl
        #(#handles)*
    }
}

/// One variant a message. Each holds what `Inbound` makes of the message's type.
fn declaration(actor: &Actor) -> TokenStream {
    let Generics { params, where_clause, .. } = &actor.generics;
    let generics = (!params.is_empty()).then(|| quote!(<#params>));
    let variants = actor.variants().map(|(variant, handler)| {
        let message = handler.inbound();
        quote!(#variant(#message, ::casty::__private::ReplyTo<#message>))
    });
    let types = actor.generics.type_params().map(|param| &param.ident);
    let never = actor
        .has_types()
        .then(|| quote!(__Never(::core::convert::Infallible, ::core::marker::PhantomData<fn() -> (#(#types,)*)>)));
    quote! {
        #[allow(private_interfaces, private_bounds, unreachable_pub, unnameable_types, missing_debug_implementations)]
        #[doc(hidden)]
        pub enum __CastyItem #generics #where_clause {
            #(#variants,)*
            #never
        }
    }
}

fn item_impl(actor: &Actor) -> TokenStream {
    let (impl_generics, ty_generics, where_clause) = actor.generics.split_for_impl();
    let name = arms(actor, &quote!(..), |handler| {
        let message = handler.inbound();
        quote!(<#message as ::casty::__private::Message>::NAME)
    });
    let is_ask = arms(actor, &quote!(_, ref __reply), |_| quote!(__reply.is_ask()));
    let is_async = arms(actor, &quote!(..), |handler| {
        let is_async = handler.mode == Mode::Async;
        quote!(#is_async)
    });
    let reads = arms(actor, &quote!(..), |handler| {
        let reads = handler.reads;
        quote!(#reads)
    });
    let pace = arms(actor, &quote!(..), |_| {
        quote!({
            static __PACE: ::casty::__private::Pace = ::casty::__private::Pace::new();
            &__PACE
        })
    });
    let refuse = arms(actor, &quote!(_, __reply), |_| quote!(__reply.refuse(__why)));
    let is_idempotent = arms(actor, &quote!(..), |handler| {
        let message = handler.inbound();
        quote!(<#message as ::casty::__private::Message>::IDEMPOTENT)
    });
    let encode = arms(actor, &quote!(ref __message, _), |_| quote!(::casty::__private::Message::__encode(__message, __into)));
    let take_answer = arms(actor, &quote!(_, ref mut __reply), |_| quote!(__reply.take_answer()));
    let decode = actor.variants().map(|(variant, handler)| {
        let message = handler.inbound();
        quote! {
            if let ::core::option::Option::Some(__found) = ::casty::__private::incoming::<#message>(__name, __body, __reply) {
                let __found = __found.map(|(__message, __reply)| __CastyItem::#variant(__message, __reply));
                return ::core::option::Option::Some(__found);
            }
        }
    });
    let open = actor.variants().map(|(variant, handler)| {
        let message = handler.inbound();
        quote! {
            if let ::core::option::Option::Some((__message, __reply)) = ::casty::__private::Letter::<#message>::open(__letter) {
                return ::core::option::Option::Some(__CastyItem::#variant(__message, __reply));
            }
        }
    });
    let close =
        arms(actor, &quote!(__message, __reply), |_| quote!(::casty::__private::Letter::close(__letter, __message, __reply)));
    quote! {
        #[automatically_derived]
        impl #impl_generics ::casty::__private::Item for __CastyItem #ty_generics #where_clause {
            fn name(&self) -> &'static ::core::primitive::str {
                match *self { #name }
            }
            fn is_ask(&self) -> ::core::primitive::bool {
                match *self { #is_ask }
            }
            fn is_async(&self) -> ::core::primitive::bool {
                match *self { #is_async }
            }
            fn reads(&self) -> ::core::primitive::bool {
                match *self { #reads }
            }
            fn pace(&self) -> &'static ::casty::__private::Pace {
                match *self { #pace }
            }
            fn refuse(self, __why: ::casty::__private::Refusal) {
                match self { #refuse }
            }
            fn is_idempotent(&self) -> ::core::primitive::bool {
                match *self { #is_idempotent }
            }
            fn encode(
                &self,
                __into: &mut ::std::vec::Vec<::core::primitive::u8>,
            ) -> ::core::result::Result<(), ::casty::__private::CodecError> {
                match *self { #encode }
            }
            fn take_answer(
                &mut self,
            ) -> ::core::option::Option<::std::boxed::Box<dyn ::casty::__private::Answer>> {
                match *self { #take_answer }
            }
            fn decode(
                __name: &::core::primitive::str,
                __body: &[::core::primitive::u8],
                __reply: &mut ::core::option::Option<::std::boxed::Box<dyn ::casty::__private::FarPort>>,
            ) -> ::core::option::Option<::core::result::Result<Self, ::casty::__private::CodecError>> {
                #(#decode)*
                ::core::option::Option::None
            }
            fn open(__letter: &mut dyn ::core::any::Any) -> ::core::option::Option<Self> {
                #(#open)*
                ::core::option::Option::None
            }
            fn close(self, __letter: &mut dyn ::core::any::Any) {
                match self { #close }
            }
        }
    }
}

fn arms(actor: &Actor, pattern: &TokenStream, value: impl Fn(&Handler) -> TokenStream) -> TokenStream {
    let arms = actor.variants().map(|(variant, handler)| {
        let value = value(handler);
        quote!(__CastyItem::#variant(#pattern) => #value,)
    });
    let never = actor.never();
    quote!(#(#arms)* #never)
}

/// The `Handles` impl. Where it can, it holds only for what is a message and an actor: what is not is reported elsewhere.
fn handles(actor: &Actor, variant: &Ident, handler: &Handler) -> TokenStream {
    let (itself, message, inbound) = (&actor.itself, &handler.message, handler.inbound_trait());
    let mut generics = actor.generics.clone();
    if generics.params.is_empty() {
        let predicates = &mut generics.make_where_clause().predicates;
        predicates.push(parse_quote!(for<'m> #message: ::casty::__private::IsMessage<'m>));
        predicates.push(parse_quote!(for<'a> #itself: ::casty::__private::IsActor<'a>));
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let is_only = actor.handlers.len() == 1 && !actor.has_types();
    let others = (!is_only).then(|| quote!(_ => ::core::option::Option::None,));
    let methods = quote! {
        fn __wrap(__message: #message, __reply: ::casty::__private::ReplyTo<#message>) -> Self::Item {
            let (__message, __reply) = #inbound::close(__message, __reply);
            __CastyItem::#variant(__message, __reply)
        }
        fn __unwrap(__item: Self::Item) -> ::core::option::Option<#message> {
            match __item {
                __CastyItem::#variant(__message, _) => ::core::option::Option::Some(#inbound::open(__message)),
                #others
            }
        }
    };
    quote_spanned! {message.span()=>
        #[automatically_derived]
        impl #impl_generics ::casty::__private::Handles<#message> for #itself #where_clause { #methods }
    }
}

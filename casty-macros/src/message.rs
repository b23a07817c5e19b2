//! `#[message]`: a `Message` impl, and serde unless the message is `local`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Attribute, Data, DeriveInput, Field, LitStr, Meta, Token, Type, parse_quote, punctuated::Punctuated, spanned::Spanned as _,
};

use crate::{
    args::Arguments,
    errors::Errors,
    probe::demand,
    types::{borrows, mentions, without_self},
};

const ARGUMENTS: Arguments = Arguments {
    attribute: "message",
    usages: &["reply = Type", "name = \"..\"", "local", "retain", "idempotent"],
    elsewhere: &[],
};

const NO_LIFETIMES: &str =
    "a message owns what it holds, for it outlives the call that sends it: no lifetimes, but `String`, `Vec` or `Arc`";

const NO_REFERENCES: &str =
    "what travels to another node owns what it holds: no references, but `String` or `Vec`; or mark the message `local`";

/// What the arguments say.
struct Message {
    reply: Type,
    name: Option<LitStr>,
    local: bool,
    retain: Option<Span>,
    idempotent: Option<Span>,
}

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let message = parse(args, &mut errors);
    let generated = match syn::parse2::<DeriveInput>(item.clone()) {
        Ok(item) if item.generics.lifetimes().next().is_some() => {
            let lifetimes = item.generics.lifetimes();
            errors.at(quote!(#(#lifetimes),*), NO_LIFETIMES);
            quote!(#item)
        }
        Ok(item) if !matches!(item.data, Data::Union(_)) => generate(&check(message, &item, &mut errors), &item),
        _ => {
            errors.at(&item, "`#[message]` goes on a struct or an enum");
            item
        }
    };
    let errors = errors.finish();
    quote!(#errors #generated)
}

fn parse(args: TokenStream, errors: &mut Errors) -> Message {
    let mut message = Message { reply: parse_quote!(()), name: None, local: false, retain: None, idempotent: None };
    ARGUMENTS.read(args, errors, |argument, input| {
        match &*argument.to_string() {
            "reply" => message.reply = input.parse()?,
            "name" => message.name = Some(input.parse()?),
            "local" => message.local = true,
            "retain" => message.retain = Some(argument.span()),
            _ => message.idempotent = Some(argument.span()),
        }
        Ok(())
    });
    message
}

/// Reports what contradicts, and puts something harmless in its place.
fn check(mut message: Message, item: &DeriveInput, errors: &mut Errors) -> Message {
    if !item.generics.params.is_empty() && is_casty_result(&message.reply) {
        errors.at(
            &message.reply,
            "a reply cannot be a `casty::Result`, whose `Err` is a failure and no answer: write the type within it",
        );
    }
    if !message.local {
        let fields = travelling_fields(item).into_iter().map(|field| &field.ty);
        for ty in fields.chain([&message.reply]).filter(|ty| borrows(ty)) {
            errors.at(ty, NO_REFERENCES);
        }
    }
    if let Some(name) = message.name.take_if(|name| name.value().is_empty()) {
        errors.at(name, "the name is empty; leave it out to use the type's own");
    }
    if let (true, Some(idempotent)) = (message.local, message.idempotent) {
        let text = "`idempotent` contradicts `local`: it is for messages that are sent over a connection; leave one of them out";
        errors.add(syn::Error::new(idempotent, text));
    }
    message
}

/// Whether `ty` is called so. Where it does not depend on parameters, the compiler is asked instead.
fn is_casty_result(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let mut names = path.path.segments.iter().rev().map(|segment| &segment.ident);
    names.next().is_some_and(|name| name == "Result") && names.next().is_some_and(|name| name == "casty")
}

fn generate(message: &Message, item: &DeriveInput) -> TokenStream {
    let implementation = message_impl(message, item);
    let questions = questions(message, item);
    if message.local {
        return quote!(#item #implementation #questions);
    }
    let derive = quote!(#[derive(::casty::__private::serde::Serialize, ::casty::__private::serde::Deserialize)]);
    let bound = item.generics.params.is_empty().then(|| wire_bound(item));
    quote! {
        #derive
        #[serde(crate = "::casty::__private::serde" #bound)]
        #item
        #implementation
        #questions
    }
}

/// What the compiler is asked about the types, if they depend on no parameter.
fn questions(message: &Message, item: &DeriveInput) -> Option<TokenStream> {
    if !item.generics.params.is_empty() {
        return None;
    }
    let reply = without_self(&message.reply, &item.ident);
    let answers = demand(&reply, "Answers", &quote!(ANSWER));
    let travels = (!message.local).then(|| {
        let fields = travelling_fields(item).into_iter().filter(|field| !borrows(&field.ty));
        let fields = fields.map(|field| demand(&without_self(&field.ty, &item.ident), "Travels", &quote!(WIRE)));
        // A `casty::Result` is not serde either, and reported once.
        let wire = quote!(WIRE || !<::casty::__private::Probe<#reply>>::ANSWER);
        let reply = (!borrows(&message.reply)).then(|| demand(&reply, "Travels", &wire));
        quote!(#(#fields)* #reply)
    });
    Some(quote! {
        const _: () = {
            #[allow(unused_imports)]
            use ::casty::__private::Otherwise as _;
            #answers
            #travels
        };
    })
}

fn message_impl(message: &Message, item: &DeriveInput) -> TokenStream {
    let Message { reply, local, .. } = message;
    let idempotent = message.idempotent.is_some();
    let ident = &item.ident;
    let name = message.name.as_ref().map_or_else(|| name_of(ident), LitStr::value);
    let mut generics = item.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(::core::marker::Send));
        parameter.bounds.push(parse_quote!('static));
    }
    if message.retain.is_some() && !generics.params.is_empty() {
        let bound = parse_quote!(Self: ::core::clone::Clone + ::core::marker::Sync);
        generics.make_where_clause().predicates.push(bound);
    }
    let retain = message.retain.map(|span| {
        let this = quote!(self);
        let copy = quote_spanned!(span=> ::std::sync::Arc::new(<Self as ::core::clone::Clone>::clone(#this)));
        quote! {
            fn retain(
                &self,
            ) -> ::core::option::Option<::std::sync::Arc<dyn ::core::any::Any + ::core::marker::Send + ::core::marker::Sync>> {
                ::core::option::Option::Some(#copy)
            }
        }
    });
    let codec = codec(message, item);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let reply = quote_spanned!(reply.span()=> type Reply = #reply;);
    let members = quote! {
        #reply
        const NAME: &'static ::core::primitive::str = #name;
        const LOCAL: ::core::primitive::bool = #local;
        const IDEMPOTENT: ::core::primitive::bool = #idempotent;
        #retain
        #codec
    };
    // What says that it has no type parameters and is not `local`, which is asked of what is sent to an entity.
    let travelling = (!local && item.generics.params.is_empty()).then(|| {
        quote_spanned! {ident.span()=>
            #[automatically_derived]
            impl ::casty::__private::Travelling for #ident {}
        }
    });
    quote_spanned! {ident.span()=>
        #[automatically_derived]
        impl #impl_generics ::casty::__private::Message for #ident #ty_generics #where_clause { #members }
        #travelling
    }
}

/// How it and its answer become bytes, where no parameter is in the way. Asked of the compiler, as what is not serde is
/// reported elsewhere.
fn codec(message: &Message, item: &DeriveInput) -> Option<TokenStream> {
    let borrowing = travelling_fields(item).into_iter().map(|field| &field.ty).chain([&message.reply]).any(borrows);
    if message.local || borrowing || !item.generics.params.is_empty() {
        return None;
    }
    let ident = &item.ident;
    let reply = without_self(&message.reply, ident);
    let travels = quote! {
        ::casty::__private::Is<{ <::casty::__private::Probe<#ident>>::WIRE && <::casty::__private::Probe<#reply>>::WIRE }>
    };
    let codec = quote!(<#travels as ::casty::__private::Codec<#ident>>);
    let otherwise = quote! {
        #[allow(unused_imports)]
        use ::casty::__private::Otherwise as _;
    };
    let error = quote!(::casty::__private::CodecError);
    Some(quote! {
        fn __encode(
            &self,
            __into: &mut ::std::vec::Vec<::core::primitive::u8>,
        ) -> ::core::result::Result<(), #error> {
            #otherwise
            #codec::encode(self, __into)
        }
        fn __decode(__bytes: &[::core::primitive::u8]) -> ::core::result::Result<Self, #error> {
            #otherwise
            #codec::decode(__bytes)
        }
        fn __await(
            __reply: ::casty::__private::ReplyTo<Self>,
        ) -> ::core::option::Option<::std::boxed::Box<dyn ::casty::__private::Answer>> {
            #otherwise
            #codec::awaited(__reply)
        }
        fn __reply(
            __port: ::std::boxed::Box<dyn ::casty::__private::FarPort>,
        ) -> ::casty::__private::ReplyTo<Self> {
            #otherwise
            #codec::reply(__port)
        }
    })
}

/// The fields that have to be serde by themselves.
///
/// A field that holds the message itself is left to serde, since its bound would need itself.
fn travelling_fields(item: &DeriveInput) -> Vec<&Field> {
    if says(&item.attrs, &["bound", "from", "try_from", "into", "remote"]) {
        return Vec::new();
    }
    let itself = Ident::new("Self", Span::call_site());
    let fields: Vec<_> = match &item.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => {
            let variants = data.variants.iter().filter(|variant| !is_left_to_serde(&variant.attrs));
            variants.flat_map(|variant| &variant.fields).collect()
        }
        Data::Union(_) => Vec::new(),
    };
    fields
        .into_iter()
        .filter(|field| !is_left_to_serde(&field.attrs))
        .filter(|field| !mentions(&field.ty, &item.ident) && !mentions(&field.ty, &itself))
        .collect()
}

/// Whether serde was told to treat it in another way, or it may not be there at all.
fn is_left_to_serde(attrs: &[Attribute]) -> bool {
    let skipped = ["skip", "skip_serializing", "skip_deserializing"];
    let by_other_means = ["with", "serialize_with", "deserialize_with", "getter", "bound", "flatten", "borrow"];
    says(attrs, &skipped) || says(attrs, &by_other_means) || attrs.iter().any(|attr| attr.path().is_ident("cfg"))
}

/// Whether a `#[serde(..)]` among `attrs` has one of the arguments `names`.
fn says(attrs: &[Attribute], names: &[&str]) -> bool {
    attrs.iter().filter(|attr| attr.path().is_ident("serde")).any(|attr| {
        let arguments = attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap_or_default();
        arguments.iter().any(|argument| names.iter().any(|name| argument.path().is_ident(name)))
    })
}

/// Bounds that make the serde impls hold only if the fields are serde: a field that is not gets our error, not serde's.
///
/// They are higher-ranked because the compiler refuses a plain bound that is false for a concrete type.
fn wire_bound(item: &DeriveInput) -> Option<TokenStream> {
    let mut types: Vec<_> = travelling_fields(item)
        .into_iter()
        .filter(|field| !borrows(&field.ty))
        .map(|field| without_self(&field.ty, &item.ident).to_string())
        .collect();
    types.sort();
    types.dedup();
    if types.is_empty() || types.iter().any(|ty| ty.contains("$crate")) {
        return None;
    }
    let bounds: Vec<_> = types.iter().map(|ty| format!("for<'wire> {ty}: ::casty::__private::Wire<'wire>")).collect();
    let bounds = bounds.join(", ");
    Some(quote!(, bound = #bounds))
}

/// A type's own name, without the `r#` of a keyword.
pub(crate) fn name_of(ident: &Ident) -> String {
    use syn::ext::IdentExt as _;
    ident.unraw().to_string()
}

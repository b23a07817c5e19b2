//! `#[actor]` on the struct: the `Declared` impl, with what `#[supervised]`, `#[sharded]` and `#[singleton]` say.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DeriveInput, LitInt, LitStr, Path};

use super::{NO_LIFETIMES, is_attribute, strip_fields, used};
use crate::{
    args::{Arguments, one_of},
    entity::{self, Entity},
    errors::Errors,
    message::name_of,
    supervised::{self, Supervision},
};

const ARGUMENTS: Arguments = Arguments {
    attribute: "actor",
    usages: &["name = \"..\"", "mailbox = 1024", "overflow = Wait | Fail | DropNewest | DropOldest"],
    elsewhere: &[],
};

#[derive(Default)]
struct Declaration {
    name: Option<LitStr>,
    mailbox: Option<LitInt>,
    overflow: Option<Ident>,
    supervision: Supervision,
    entity: Option<Entity>,
    /// The path that the user wrote for `#[supervised]`.
    path: Option<Path>,
}

pub(super) fn expand(args: TokenStream, mut item: DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let declaration = parse(args, &mut item, &mut errors);
    let declaration = check(declaration, &item, &mut errors);
    let declared = generate(&declaration, &item);
    let errors = errors.finish();
    let entity = declaration.entity.as_ref().map(|entity| entity.tokens(&item));
    let used = declaration.path.iter().chain(declaration.entity.iter().flat_map(|entity| &entity.paths)).map(used);
    quote!(#errors #item #declared #entity #(#used)*)
}

/// Reads the arguments, and takes the other attributes of ours off.
fn parse(args: TokenStream, item: &mut DeriveInput, errors: &mut Errors) -> Declaration {
    let mut declaration = Declaration::default();
    ARGUMENTS.read(args, errors, |argument, input| {
        match &*argument.to_string() {
            "name" => declaration.name = Some(input.parse()?),
            "mailbox" => declaration.mailbox = Some(input.parse()?),
            _ => declaration.overflow = Some(one_of(input, &["Wait", "Fail", "DropNewest", "DropOldest"])?),
        }
        Ok(())
    });
    let mut supervised = item.attrs.extract_if(.., |attr| is_attribute(attr, "supervised"));
    if let Some(attr) = supervised.next() {
        declaration.supervision = supervised::parse(&attr, errors);
        declaration.path = Some(attr.path().clone());
    }
    for again in supervised {
        errors.at(again.path(), "`#[supervised]` is given twice; leave one of them out");
    }
    declaration.entity = entity::parse(item, errors);
    let fields = strip_fields(item);
    if declaration.entity.is_none() {
        for attr in fields {
            let text = "`#[casty(..)]` is for the fields of entities: put `#[sharded]` or `#[singleton]` on the struct too, or leave it out";
            errors.at(&attr, text);
        }
    }
    declaration
}

/// Reports what makes no sense, and leaves it out.
fn check(mut declaration: Declaration, item: &DeriveInput, errors: &mut Errors) -> Declaration {
    if let Some(name) = declaration.name.take_if(|name| name.value().is_empty()) {
        errors.at(name, "the name is empty; leave it out to use the type's own");
    }
    let is_wrong = |capacity: &mut LitInt| !capacity.base10_parse::<u32>().is_ok_and(|capacity| capacity > 0);
    if let Some(capacity) = declaration.mailbox.take_if(is_wrong) {
        errors.at(capacity, "a mailbox holds at least one message and at most 4294967295; left out, any number");
    } else if declaration.mailbox.is_none()
        && let Some(overflow) = &declaration.overflow
    {
        let text = "an unbounded mailbox never overflows: give it a bound too, `mailbox = 1024`";
        errors.at(overflow, text);
    }
    for lifetime in item.generics.lifetimes() {
        errors.at(lifetime, NO_LIFETIMES);
    }
    declaration
}

fn generate(declaration: &Declaration, item: &DeriveInput) -> TokenStream {
    let ident = &item.ident;
    let name = declaration.name.as_ref().map_or_else(|| name_of(ident), LitStr::value);
    let supervision = declaration.supervision.tokens();
    let mailbox = declaration.mailbox.as_ref().map(|capacity| {
        let overflow = declaration.overflow.iter();
        let overflow = overflow.map(|word| quote!(#word)).next().unwrap_or_else(|| quote!(Wait));
        quote! {
            const MAILBOX: ::core::option::Option<::casty::__private::Mailbox> = ::core::option::Option::Some(
                ::casty::__private::Mailbox::bounded(#capacity, ::casty::__private::Overflow::#overflow)
            );
        }
    });
    let (impl_generics, ty_generics, where_clause) = item.generics.split_for_impl();
    let has_impl = item.generics.params.is_empty().then(|| {
        quote_spanned! {ident.span()=>
            const _: ::core::marker::PhantomData<<#ident as ::casty::__private::Actor>::Item> = ::core::marker::PhantomData;
        }
    });
    let is_entity = declaration.entity.as_ref().map(|_| {
        quote!(
            const IS_ENTITY: ::core::primitive::bool = true;
        )
    });
    let members = quote! {
        const NAME: &'static ::core::primitive::str = #name;
        const SUPERVISION: ::casty::__private::SupervisorConfig = #supervision;
        #mailbox
        #is_entity
    };
    quote_spanned! {ident.span()=>
        #[automatically_derived]
        impl #impl_generics ::casty::__private::Declared for #ident #ty_generics #where_clause { #members }
        #has_impl
    }
}

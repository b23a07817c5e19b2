//! The `Entity` impl: how it is made, named, saved and put back.
//!
//! Its state is a struct with a type parameter for each kept field, so that serde's bounds are on those and never on the
//! user's types: what is not serde is reported once, where the user wrote it.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{DeriveInput, parse_quote};

use super::{
    Entity, Kind,
    fields::{Field, Role},
};
use crate::{probe::demand, types::without_self};

pub(super) fn entity(entity: &Entity, ident: &Ident) -> TokenStream {
    let (questions, state) = match &entity.settings.custom {
        Some(custom) => (question_of_state(ident, custom), custom_state(ident)),
        None => (questions_of_fields(entity, ident), state(entity)),
    };
    let id = entity.fields.iter().find(|field| field.role == Role::Id);
    let question_of_id = id.map(|id| demand_of(id, ident, "IdField", &quote!(ID)));
    let identify = id.map(|id| identify(id, ident));
    let members = quote! {
        fn __new() -> ::core::option::Option<Self> {
            <::casty::__private::Is<{ <::casty::__private::Probe<#ident>>::DEFAULT }>
                as ::casty::__private::Construct<#ident>>::construct()
        }
        fn __identify(&mut self, __id: &::casty::__private::EntityId) {
            #identify
        }
        #state
    };
    let implementation = implementation(entity, &parse_quote!(struct #ident;), &members);
    quote! {
        const _: () = {
            #[allow(unused_imports)]
            use ::casty::__private::Otherwise as _;
            #question_of_id
            #questions
            #implementation
            ::casty::__private::inventory::submit! {
                ::casty::__private::EntityEntry(<::casty::__private::Probe<#ident>>::ENTITY)
            }
        };
    }
}

/// An empty implementation for what cannot be an entity, so that whoever uses it as one is not reported too.
pub(super) fn shell(entity: &Entity, item: &DeriveInput) -> TokenStream {
    let members = quote! {
        fn __new() -> ::core::option::Option<Self> {
            ::core::option::Option::None
        }
        fn __identify(&mut self, _: &::casty::__private::EntityId) {}
        fn __save(
            &self,
            _: &mut ::std::vec::Vec<::core::primitive::u8>,
        ) -> ::core::result::Result<(), ::casty::__private::CodecError> {
            ::core::result::Result::Ok(())
        }
        fn __load(&mut self, _: &[::core::primitive::u8]) -> ::core::result::Result<(), ::casty::__private::CodecError> {
            ::core::result::Result::Ok(())
        }
    };
    if item.generics.lifetimes().next().is_some() { TokenStream::new() } else { implementation(entity, item, &members) }
}

/// The `Entity` impl and the marker, for what is an actor: what is not is reported elsewhere.
fn implementation(entity: &Entity, item: &DeriveInput, members: &TokenStream) -> TokenStream {
    let ident = &item.ident;
    let mut generics = item.generics.clone();
    let (_, ty_generics, _) = item.generics.split_for_impl();
    let bound = parse_quote!(for<'a> #ident #ty_generics: ::casty::__private::IsActor<'a>);
    generics.make_where_clause().predicates.push(bound);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let config = entity.settings.tokens(entity.kind);
    let marker = match entity.kind {
        Kind::Sharded => quote!(ShardedActor),
        Kind::Singleton => quote!(SingletonActor),
    };
    let members = quote! {
        const ENTITY: ::casty::__private::EntityConfig = #config;
        #members
    };
    quote_spanned! {ident.span()=>
        #[automatically_derived]
        impl #impl_generics ::casty::__private::Entity for #ident #ty_generics #where_clause { #members }
        #[automatically_derived]
        impl #impl_generics ::casty::__private::#marker for #ident #ty_generics #where_clause {}
    }
}

fn identify(id: &Field, ident: &Ident) -> TokenStream {
    let Field { member, cfgs, .. } = id;
    let ty = without_self(&id.ty, ident);
    quote! {
        #(#cfgs)*
        <::casty::__private::Is<{ <::casty::__private::Probe<#ty>>::ID }>
            as ::casty::__private::Identify<#ty>>::identify(&mut self.#member, __id);
    }
}

/// Asks of each kept field whether it is serde, and of all of them for the code.
fn questions_of_fields(entity: &Entity, ident: &Ident) -> TokenStream {
    let demands = entity.kept().map(|field| demand_of(field, ident, "StateField", &quote!(WIRE)));
    let answers = entity.kept().map(|Field { ty, cfgs, .. }| {
        let ty = without_self(ty, ident);
        quote!(#(#cfgs)* let __wire = __wire && <::casty::__private::Probe<#ty>>::WIRE;)
    });
    quote! {
        #(#demands)*
        const __WIRE: ::core::primitive::bool = {
            let __wire = true;
            #(#answers)*
            __wire
        };
    }
}

fn demand_of(field: &Field, ident: &Ident, name: &str, answer: &TokenStream) -> TokenStream {
    let demand = demand(&without_self(&field.ty, ident), name, answer);
    let cfgs = &field.cfgs;
    quote!(#(#cfgs)* #demand)
}

/// `__save` and `__load` of the kept fields.
fn state(entity: &Entity) -> TokenStream {
    let fields: Vec<_> = entity.kept().collect();
    let cfgs: Vec<_> = fields.iter().map(|field| field.cfgs.iter().collect::<Vec<_>>()).collect();
    let members = fields.iter().map(|field| &field.member);
    let members: Vec<_> = members.collect();
    let names: Vec<_> = fields.iter().map(|field| field.name()).collect();
    let locals: Vec<_> = (0..fields.len()).map(|index| format_ident!("__field{index}")).collect();
    let types: Vec<_> = (0..fields.len()).map(|index| format_ident!("__Field{index}")).collect();
    quote! {
        fn __save(
            &self,
            __into: &mut ::std::vec::Vec<::core::primitive::u8>,
        ) -> ::core::result::Result<(), ::casty::__private::CodecError> {
            #[derive(::casty::__private::serde::Serialize)]
            #[serde(crate = "::casty::__private::serde")]
            struct __Fields<#(#(#cfgs)* #types),*> {
                #(#(#cfgs)* #[serde(rename = #names)] #locals: #types,)*
            }
            let __fields = __Fields { #(#(#cfgs)* #locals: &self.#members,)* };
            <::casty::__private::Is<{ __WIRE }> as ::casty::__private::Save<_>>::save(&__fields, __into)
        }
        fn __load(&mut self, __state: &[::core::primitive::u8]) -> ::core::result::Result<(), ::casty::__private::CodecError> {
            #[derive(::casty::__private::serde::Deserialize)]
            #[serde(crate = "::casty::__private::serde")]
            struct __Fields<#(#(#cfgs)* #types),*> {
                #(
                    #(#cfgs)*
                    #[serde(rename = #names, default = "::casty::__private::Saved::no")]
                    #locals: ::casty::__private::Saved<#types>,
                )*
            }
            let __Fields { #(#(#cfgs)* #locals,)* } =
                <::casty::__private::Is<{ __WIRE }> as ::casty::__private::Load<_>>::load(__state)?;
            #(#(#cfgs)* ::casty::__private::Saved::put(#locals, &mut self.#members);)*
            ::core::result::Result::Ok(())
        }
    }
}

/// Asks for the `State` impl, at the word `custom`.
fn question_of_state(ident: &Ident, custom: &Ident) -> TokenStream {
    let mut ident = ident.clone();
    ident.set_span(custom.span());
    demand(&quote!(#ident), "CustomState", &quote!(STATE))
}

/// `__save` and `__load` of what `State` says.
fn custom_state(ident: &Ident) -> TokenStream {
    let custom = quote! {
        <::casty::__private::Is<{ <::casty::__private::Probe<#ident>>::STATE }> as ::casty::__private::Custom<#ident>>
    };
    quote! {
        fn __save(
            &self,
            __into: &mut ::std::vec::Vec<::core::primitive::u8>,
        ) -> ::core::result::Result<(), ::casty::__private::CodecError> {
            #custom::save(self, __into)
        }
        fn __load(&mut self, __state: &[::core::primitive::u8]) -> ::core::result::Result<(), ::casty::__private::CodecError> {
            #custom::load(self, __state)
        }
    }
}

impl Entity {
    fn kept(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.role == Role::Kept)
    }
}

//! The gRPC contract against the one of the last release: services of different
//! versions run beside each other, so nothing may go or change that one of them
//! relies on. New messages, fields, values and methods are fine.
//!
//! A release keeps its contract with
//! `cargo test --workspace --test released -- --ignored`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, fs, path::PathBuf};

use prost::Message;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    MethodDescriptorProto, field_descriptor_proto::Label,
};
use proto::accounts::FILE_DESCRIPTOR_SET;

fn released_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("released/accounts.v1.binpb")
}

fn now() -> FileDescriptorSet {
    FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap()
}

/// All that callers rely on, each under a name: what a peer that was built
/// otherwise would read wrongly, or not find.
fn promises(contract: &FileDescriptorSet) -> BTreeMap<String, String> {
    let mut promises = BTreeMap::new();
    for file in &contract.file {
        let package = file.package();
        for message in &file.message_type {
            of_message(package, message, &mut promises);
        }
        for kind in &file.enum_type {
            of_enum(package, kind, &mut promises);
        }
        for service in &file.service {
            for method in &service.method {
                let name = format!("/{package}.{}/{}", service.name(), method.name());
                promises.insert(name, signature(method));
            }
        }
    }
    promises
}

fn signature(method: &MethodDescriptorProto) -> String {
    let stream = |streams: bool| if streams { "stream " } else { "" };
    format!(
        "{}{} -> {}{}",
        stream(method.client_streaming()),
        method.input_type(),
        stream(method.server_streaming()),
        method.output_type()
    )
}

fn of_message(within: &str, message: &DescriptorProto, promises: &mut BTreeMap<String, String>) {
    let name = format!("{within}.{}", message.name());
    for field in &message.field {
        promises.insert(format!("{name} field {}", field.number()), shape(field));
    }
    for nested in &message.nested_type {
        of_message(&name, nested, promises);
    }
    for kind in &message.enum_type {
        of_enum(&name, kind, promises);
    }
    promises.insert(name, "message".to_owned());
}

fn shape(field: &FieldDescriptorProto) -> String {
    let many = if field.label() == Label::Repeated {
        "repeated "
    } else {
        ""
    };
    let optional = if field.proto3_optional() {
        "optional "
    } else {
        ""
    };
    let kind = field.r#type();
    format!(
        "{many}{optional}{kind:?} {} {}",
        field.type_name(),
        field.name()
    )
}

fn of_enum(within: &str, kind: &EnumDescriptorProto, promises: &mut BTreeMap<String, String>) {
    for value in &kind.value {
        let name = format!("{within}.{} value {}", kind.name(), value.number());
        promises.insert(name, value.name().to_owned());
    }
}

/// What was promised and is not kept.
fn broken(released: &FileDescriptorSet, contract: &FileDescriptorSet) -> Vec<String> {
    let kept = promises(contract);
    let promised = promises(released).into_iter();
    let broken = promised.filter(|(name, shape)| kept.get(name) != Some(shape));
    broken
        .map(|(name, shape)| match kept.get(&name) {
            Some(other) => format!("{name}: was `{shape}`, is `{other}`"),
            None => format!("{name}: is gone"),
        })
        .collect()
}

#[test]
fn what_the_last_release_promised_is_kept() {
    let released = fs::read(released_file()).unwrap();
    let released = FileDescriptorSet::decode(released.as_slice()).unwrap();
    assert!(promises(&released).len() > 40, "nothing was promised");
    assert_eq!(broken(&released, &now()), Vec::<String>::new());
}

/// What a change breaks.
fn after(change: impl FnOnce(&mut FileDescriptorSet)) -> Vec<String> {
    let mut changed = now();
    change(&mut changed);
    broken(&now(), &changed)
}

fn message<'a>(contract: &'a mut FileDescriptorSet, name: &str) -> &'a mut DescriptorProto {
    let mut messages = contract.file[0].message_type.iter_mut();
    messages.find(|message| message.name() == name).unwrap()
}

#[test]
fn each_way_to_break_it_is_found() {
    let gone = after(|contract| {
        message(contract, "User").field.pop();
    });
    assert_eq!(gone, ["accounts.v1.User field 8: is gone"]);
    let renumbered = after(|contract| message(contract, "User").field[1].number = Some(20));
    assert_eq!(renumbered, ["accounts.v1.User field 2: is gone"]);
    let retyped = after(|contract| {
        message(contract, "User").field[0]
            .set_type(prost_types::field_descriptor_proto::Type::Int64);
    });
    assert_eq!(
        retyped,
        ["accounts.v1.User field 1: was `String  id`, is `Int64  id`"]
    );
    let methods = after(|contract| {
        let methods = &mut contract.file[0].service[0].method;
        methods.remove(0);
        methods[1].server_streaming = Some(false);
    });
    assert_eq!(
        methods,
        [
            "/accounts.v1.Accounts/GetUser: is gone",
            "/accounts.v1.Accounts/WatchAccountEvents: was \
             `.accounts.v1.WatchAccountEventsRequest -> stream .accounts.v1.AccountEvent`, is \
             `.accounts.v1.WatchAccountEventsRequest -> .accounts.v1.AccountEvent`",
        ]
    );
    let value = after(|contract| {
        contract.file[0].enum_type[0].value[3].name = Some("OTHER".to_owned());
    });
    assert_eq!(
        value,
        ["accounts.v1.AccountEventKind value 3: was `ACCOUNT_EVENT_KIND_DISABLED`, is `OTHER`"]
    );
    let package = after(|contract| contract.file[0].package = Some("accounts.v2".to_owned()));
    assert_eq!(package.len(), promises(&now()).len());
    let added = after(|contract| {
        let user = message(contract, "User");
        let mut field = user.field[0].clone();
        (field.name, field.number) = (Some("language".to_owned()), Some(9));
        user.field.push(field);
    });
    assert_eq!(added, Vec::<String>::new());
}

#[test]
#[ignore = "a release does this: it writes what the next ones are held to"]
fn keep_this_contract() {
    let mut contract = now();
    for file in &mut contract.file {
        file.source_code_info = None;
    }
    fs::write(released_file(), contract.encode_to_vec()).unwrap();
}

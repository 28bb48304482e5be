//! The schema says what the reader says: it takes every good file, and of the faulty ones all but those whose
//! faults no schema can know.

use crate::{EXAMPLE, files_in, uncommented};
use granit_parser::{Event, Parser, ScalarStyle};
use linger_config::{Config, schema};
use serde_json::{Map, Value};
use std::fs;

fn problems(yaml: &str) -> Vec<String> {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let value = as_json(yaml);
    validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[test]
fn the_schema_is_one() {
    jsonschema::draft202012::meta::validate(&schema()).unwrap();
}

#[test]
fn the_schema_takes_every_good_file() {
    let mut texts = vec![EXAMPLE.to_owned(), uncommented()];
    texts.extend(files_in("good").iter().map(|file| fs::read_to_string(file).unwrap()));
    assert!(texts.len() >= 6, "the samples are gone");
    for text in texts {
        Config::parse(&text, "good").unwrap();
        assert_eq!(problems(&text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_schema_refuses_the_faulty_files_but_those_it_cannot_judge() {
    // No YAML that the test's own reading could give to the schema.
    let unread = ["bomb", "not_yaml", "unclosed", "broken_secret", "repeated", "aliases"];
    // Faults between values: a schema sees each alone.
    let unseen = ["auth_alone", "count_off", "windows"];
    for file in files_in("faulty") {
        let name = file.file_stem().unwrap().to_str().unwrap();
        if unread.contains(&name) {
            continue;
        }
        let problems = problems(&fs::read_to_string(&file).unwrap());
        assert_eq!(problems.is_empty(), unseen.contains(&name), "{name}: {problems:?}");
    }
}

#[test]
fn the_schema_describes_every_key_and_has_the_defaults() {
    let schema = schema();
    let mut described = 0;
    each(&schema, &mut |key, value| {
        if let (true, Some(properties)) = (key == "properties", value.as_object()) {
            for (name, property) in properties {
                assert!(property["description"].is_string(), "{name} has no description");
                described += 1;
            }
        }
    });
    assert!(described > 60, "{described} keys");
    let at = |path: &str| schema.pointer(path).cloned().unwrap_or_default();
    assert_eq!(at("/properties/listen/default"), "127.0.0.1:6262");
    assert_eq!(at("/$defs/collectors/properties/cpu/properties/window/default"), "5s");
    assert_eq!(at("/$defs/retention/properties/bytes/default"), "256MiB");
    assert_eq!(at("/properties/sites_max/maximum"), 10_000);
    assert_eq!(at("/properties/file_sd/items/properties/refresh/default"), "30s");
    let every = at("/$defs/collectors/properties/trace/properties/every/description");
    assert!(every.as_str().unwrap().ends_with("From 30s to 1d."), "{every}");
}

fn each(value: &Value, with: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            with(key, value);
            each(value, with);
        }),
        Value::Array(items) => items.iter().for_each(|item| each(item, with)),
        _ => {}
    }
}

/// YAML as an editor sees it: plain words are what they look like (YAML 1.2, 10.3).
fn as_json(text: &str) -> Value {
    let mut events = Parser::new_from_str(text).map(|event| event.unwrap().0);
    loop {
        match events.next() {
            Some(Event::DocumentStart(..)) => {
                let first = events.next().unwrap();
                return node(first, &mut events);
            }
            Some(_) => {}
            None => return Value::Null,
        }
    }
}

fn node<'a>(event: Event<'a>, events: &mut impl Iterator<Item = Event<'a>>) -> Value {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) => match &*text {
            "" | "~" | "null" => Value::Null,
            "true" => true.into(),
            "false" => false.into(),
            text => text
                .parse::<i64>()
                .map(Value::from)
                .or_else(|_| text.parse::<f64>().map(Value::from))
                .unwrap_or_else(|_| text.into()),
        },
        Event::Scalar(text, ..) => text.into_owned().into(),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match events.next().unwrap() {
                    Event::SequenceEnd => return items.into(),
                    event => items.push(node(event, events)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut map = Map::new();
            loop {
                match events.next().unwrap() {
                    Event::MappingEnd => return map.into(),
                    Event::Scalar(key, ..) => {
                        let value = events.next().unwrap();
                        map.insert(key.into_owned(), node(value, events));
                    }
                    other => panic!("a key: {other:?}"),
                }
            }
        }
        other => panic!("not used in the samples: {other:?}"),
    }
}

use super::*;
use crate::codec::{
    DocumentBuilder, ExtendedJson, JsonTape, read_extended_json, write_extended_json,
};

/// A document from its extended JSON.
fn document(json: &str) -> Vec<u8> {
    read_extended_json(&JsonTape::parse(json.as_bytes()).unwrap(), 0, false).unwrap()
}

fn shown(document: &[u8]) -> String {
    let mut json = Vec::new();
    write_extended_json(document, ExtendedJson::Relaxed, &mut json).unwrap();
    String::from_utf8(json).unwrap().replace(' ', "")
}

#[track_caller]
fn becomes(before: &str, update: &str, after: &str) {
    let updated = apply_update(&document(before), &document(update)).unwrap();
    assert_eq!(shown(&updated.document), shown(&document(after)));
    assert_eq!(updated.document, document(after));
    assert!(updated.fits);
}

#[track_caller]
fn misfits(before: &str, update: &str, after: &str) {
    let updated = apply_update(&document(before), &document(update)).unwrap();
    assert_eq!((updated.document, updated.fits), (document(after), false));
}

#[track_caller]
fn refused(before: &str, update: &str) {
    assert!(apply_update(&document(before), &document(update)).is_err());
}

#[test]
fn a_replacement_is_the_document() {
    becomes(r#"{"_id":1,"a":2}"#, r#"{"_id":1,"$v":5,"b":3}"#, r#"{"_id":1,"$v":5,"b":3}"#);
}

#[test]
fn differences_change_in_place_and_add_at_the_end() {
    let before = r#"{"_id":1,"a":1,"b":2,"c":3,"d":4}"#;
    let update = r#"{"$v":2,"diff":{"d":{"a":false},"u":{"c":"x","z":9},"i":{"b":5,"e":6}}}"#;
    becomes(before, update, r#"{"_id":1,"c":"x","d":4,"z":9,"b":5,"e":6}"#);
}

#[test]
fn differences_lie_in_each_other() {
    let before = r#"{"_id":1,"a":{"b":{"c":1,"d":2},"e":3}}"#;
    let update = r#"{"$v":2,"diff":{"sa":{"u":{"e":4},"sb":{"d":{"c":false},"i":{"f":7}}}}}"#;
    becomes(before, update, r#"{"_id":1,"a":{"b":{"d":2,"f":7},"e":4}}"#);
}

#[test]
fn arrays_are_changed_cut_and_filled() {
    let changed = |difference: &str, after: &str| {
        let update = format!(r#"{{"$v":2,"diff":{{"sl":{{"a":true,{difference}}}}}}}"#);
        let before = r#"{"_id":1,"l":[1,{"x":1},[5,6]],"m":0}"#;
        becomes(before, &update, &format!(r#"{{"_id":1,"l":{after},"m":0}}"#));
    };
    changed(r#""u0":9"#, r#"[9,{"x":1},[5,6]]"#);
    changed(r#""l":2"#, r#"[1,{"x":1}]"#);
    changed(r#""l":0"#, "[]");
    changed(r#""l":5"#, r#"[1,{"x":1},[5,6],null,null]"#);
    changed(r#""u5":9"#, r#"[1,{"x":1},[5,6],null,null,9]"#);
    changed(r#""s1":{"u":{"x":2}},"s2":{"a":true,"u1":0}"#, r#"[1,{"x":2},[5,0]]"#);
    changed(r#""l":4,"u1":"s","u3":4"#, r#"[1,"s",[5,6],4]"#);
}

#[test]
fn bytes_are_kept_up_to_an_offset() {
    let before = r#"{"_id":1,"c":{"$binary":{"base64":"AQIDBA==","subType":"07"}}}"#;
    let more = r#"{"$binary":{"base64":"CQk=","subType":"00"}}"#;
    let update =
        |offset: u32| format!(r#"{{"$v":2,"diff":{{"b":{{"c":{{"o":{offset},"d":{more}}}}}}}}}"#);
    let after = r#"{"_id":1,"c":{"$binary":{"base64":"AQIJCQ==","subType":"07"}}}"#;
    becomes(before, &update(2), after);
    misfits(before, &update(5), before);
    refused(before, r#"{"$v":2,"diff":{"b":{"c":{"o":1}}}}"#);
}

#[test]
fn what_is_of_another_kind_stays() {
    let before = r#"{"_id":1,"a":5,"l":[1]}"#;
    misfits(before, r#"{"$v":2,"diff":{"sa":{"u":{"b":1}}}}"#, before);
    misfits(before, r#"{"$v":2,"diff":{"sl":{"u":{"b":1}}}}"#, before);
    misfits(before, r#"{"$v":2,"diff":{"sl":{"a":true,"s0":{"u":{"b":1}}}}}"#, before);
    misfits(before, r#"{"$v":1,"$set":{"a.b":1}}"#, before);
    misfits(before, r#"{"$v":1,"$set":{"l.x":1}}"#, before);
}

#[test]
fn operators_set_and_unset() {
    let changed = |operators: &str, after: &str| {
        let before = r#"{"_id":1,"a":{"b":1},"l":[1,{"x":2}],"z":0}"#;
        becomes(before, &format!(r#"{{"$v":1,{operators}}}"#), after);
    };
    changed(
        r#""$set":{"a.b":2,"a.c":3,"y":4}"#,
        r#"{"_id":1,"a":{"b":2,"c":3},"l":[1,{"x":2}],"z":0,"y":4}"#,
    );
    changed(
        r#""$set":{"n.o.p":1}"#,
        r#"{"_id":1,"a":{"b":1},"l":[1,{"x":2}],"z":0,"n":{"o":{"p":1}}}"#,
    );
    changed(r#""$set":{"n.0":1}"#, r#"{"_id":1,"a":{"b":1},"l":[1,{"x":2}],"z":0,"n":{"0":1}}"#);
    changed(
        r#""$set":{"l.1.x":5,"l.4.k":6}"#,
        r#"{"_id":1,"a":{"b":1},"l":[1,{"x":5},null,null,{"k":6}],"z":0}"#,
    );
    changed(
        r#""$unset":{"a.b":true,"l.0":true,"no.thing":true,"z":true}"#,
        r#"{"_id":1,"a":{},"l":[null,{"x":2}]}"#,
    );
    changed(r#""$set":{"_id":7,"z":[]},"$unset":{"a":1}"#, r#"{"_id":1,"l":[1,{"x":2}],"z":[]}"#);
    becomes(r#"{"_id":1,"a":1}"#, r#"{"$set":{"a":2}}"#, r#"{"_id":1,"a":2}"#);
}

#[test]
fn what_is_not_known_is_refused() {
    for update in [
        r#"{"$v":3,"diff":{}}"#,
        r#"{"$v":2}"#,
        r#"{"$v":2,"diff":{"a":true,"u0":1}}"#,
        r#"{"$v":2,"diff":{"q":{"a":1}}}"#,
        r#"{"$v":2,"diff":{"u":{"a":1},"d":{"a":false}}}"#,
        r#"{"$v":2,"diff":{"sl":{"a":true,"u3":1,"u2":1}}}"#,
        r#"{"$v":2,"diff":{"sl":{"a":true,"l":2,"u2":1}}}"#,
        r#"{"$v":2,"diff":{"sl":{"a":true,"u01":1}}}"#,
        r#"{"$v":2,"diff":{"sl":{"a":true,"u-1":1}}}"#,
        r#"{"$v":2,"diff":{"sl":{"a":true,"u999999999":1}}}"#,
        r#"{"$v":2,"diff":{"sl":{"a":true,"u9999999":1}}}"#,
        r#"{"$v":1,"$inc":{"a":1}}"#,
        r#"{"$v":1,"$set":{"l.9999999":1}}"#,
        r#"{"$v":1}"#,
        r#"{"a":1}"#,
        "{}",
    ] {
        refused(r#"{"_id":1,"l":[1,2,3]}"#, update);
    }
}

#[test]
fn depth_has_a_bound() {
    let nested = |name: &str, innermost: &[u8]| {
        (0..1000).fold(innermost.to_vec(), |inner, _| {
            DocumentBuilder::new().document(name, &inner).finish()
        })
    };
    let before = nested("a", &DocumentBuilder::new().finish());
    let difference = nested("sa", &DocumentBuilder::new().finish());
    let update = DocumentBuilder::new().int32("$v", 2).document("diff", &difference).finish();
    assert_eq!(apply_update(&before, &update), Err(UpdateError::TooDeep));
    let path = vec!["a"; 1000].join(".");
    let set = DocumentBuilder::new().int32(path, 1).finish();
    let update = DocumentBuilder::new().int32("$v", 1).document("$set", &set).finish();
    assert_eq!(apply_update(&before, &update), Err(UpdateError::TooDeep));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_refused_or_applied(before: Vec<u8>, update: Vec<u8>, inside: Vec<u8>) {
        let whole = |body: &[u8]| {
            let length = body.len() as u32 + 5;
            [&length.to_le_bytes()[..], body, &[0]].concat()
        };
        for before in [before.clone(), whole(&before)] {
            let difference = DocumentBuilder::new()
                .int32("$v", 2)
                .document("diff", &whole(&inside))
                .finish();
            for update in [update.clone(), whole(&update), difference] {
                if let Ok(updated) = apply_update(&before, &update) {
                    proptest::prop_assert!(Elements::new(&updated.document).is_ok());
                }
            }
        }
    }
}

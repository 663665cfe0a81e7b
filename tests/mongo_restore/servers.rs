//! Two servers of one snapshot may have a database of the same name.

use super::{all, insert};
use crate::support::{Mongod, Role, World};
use bson::doc;

#[test]
fn databases_of_one_name_are_told_apart() {
    let (Some(one), Some(other)) =
        (Mongod::start(Role::Standalone), Mongod::start(Role::Standalone))
    else {
        return;
    };
    insert(&one, "bot", "users", &[doc! { "_id": 1 }]);
    insert(&other, "bot", "users", &[doc! { "_id": 2 }]);
    let world = World::with_repository();
    world.snap(["backup", &one.address("bot"), &other.address("bot")]).success();
    let to = one.address("back");
    let refused = world.snap(["restore", "latest", "--to", &to]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("--db SERVER/NAME"), "{refused:?}");
    let address = other.address("bot");
    let name = address.strip_prefix("mongodb://").unwrap();
    world.snap(["restore", "latest", "--to", &to, "--db", name]).success();
    assert_eq!(all(&one, "back", "users"), [doc! { "_id": 2 }]);
    world.snap(["restore", "latest", "--target", "out", "--db", name]).success();
    assert!(world.path("out/mongodb/bot/users.bson").is_file());
}

//! Who and where this is, as snapshots say it.

use crate::model::Host;

/// This machine and user; `name` replaces the machine's own name.
pub fn this_host(name: Option<String>) -> Host {
    let (uid, gid) = (uzers::get_effective_uid(), uzers::get_effective_gid());
    let user = uzers::get_user_by_uid(uid);
    let user = user.map(|user| user.name().to_string_lossy().into_owned()).unwrap_or_default();
    Host { name: name.unwrap_or_else(host_name), user, uid, gid }
}

fn host_name() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}

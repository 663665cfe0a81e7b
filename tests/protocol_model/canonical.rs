//! States that differ only in the numbers of packs, index objects or prunes are one: they have
//! the same future. Which of them a search meets first stands for all.

use super::prune::Prune;
use super::state::State;
use super::storage::{INDEXES, PACKS, Set, members, only, owner_prune};

/// One state for all that differ only in numbering, or nearly: where several things look alike
/// they keep their order, which may leave two states where one would do, and never makes one of
/// two that differ.
pub fn canonical(state: &State, prunes_are_alike: bool) -> State {
    let mut state = *state;
    if prunes_are_alike && without_sets(&state.prunes[1]) < without_sets(&state.prunes[0]) {
        swap_prunes(&mut state);
    }
    order_packs(&mut state);
    order_indexes(&mut state);
    state
}

/// What does not change when packs and index objects are numbered anew.
fn without_sets(prune: &Prune) -> Prune {
    let mut prune = *prune;
    prune.each_set_of_packs(&mut |set| *set = 0);
    (prune.old, prune.listing.indexes) = (0, 0);
    prune
}

fn swap_prunes(state: &mut State) {
    state.prunes.swap(0, 1);
    for owner in &mut state.storage.owners {
        if *owner == owner_prune(0) {
            *owner = owner_prune(1);
        } else if *owner == owner_prune(1) {
            *owner = owner_prune(0);
        }
    }
}

fn order_packs(state: &mut State) {
    let mut looks = [0_u64; PACKS];
    for (pack, look) in looks.iter_mut().enumerate() {
        let storage = &state.storage;
        *look = u64::from(storage.blobs[pack]) << 8 | u64::from(storage.owners[pack]);
    }
    let mut place = 16;
    let mut add = |set: &mut Set| {
        members(*set).for_each(|pack| looks[pack] |= 1 << place);
        place += 1;
    };
    each_remembered_set_of_packs(state, &mut add);
    let Some(order) = order(looks) else { return };
    let storage = state.storage;
    for (old, &new) in order.iter().enumerate() {
        state.storage.blobs[new] = storage.blobs[old];
        state.storage.owners[new] = storage.owners[old];
    }
    let mut renumber = |set: &mut Set| *set = renumbered(*set, &order);
    each_remembered_set_of_packs(state, &mut renumber);
    for lines in &mut state.storage.lines {
        *lines = renumbered(*lines, &order);
    }
}

/// All but those of index objects, which have no order yet.
fn each_remembered_set_of_packs(state: &mut State, visit: &mut impl FnMut(&mut Set)) {
    visit(&mut state.storage.packs);
    visit(&mut state.storage.damaged);
    visit(&mut state.storage.rotten);
    visit(&mut state.repair.packs);
    visit(&mut state.repair.listing.packs);
    let open = state.storage.open_marks();
    let worked_on = state.prunes.iter().fold(open, |marks, prune| marks | prune.mark());
    for mark in members(worked_on) {
        visit(&mut state.storage.condemned[mark]);
    }
    for writer in &mut state.writers {
        writer.each_set_of_packs(visit);
    }
    for prune in &mut state.prunes {
        prune.each_set_of_packs(visit);
    }
}

fn order_indexes(state: &mut State) {
    let mut looks = [0; INDEXES];
    for (index, look) in looks.iter_mut().enumerate() {
        *look = u64::from(state.storage.lines[index]) << 8;
    }
    let mut place = 0;
    let mut add = |set: &mut Set| {
        members(*set).for_each(|index| looks[index] |= 1 << place);
        place += 1;
    };
    each_set_of_indexes(state, &mut add);
    let Some(order) = order(looks) else { return };
    let lines = state.storage.lines;
    for (old, &new) in order.iter().enumerate() {
        state.storage.lines[new] = lines[old];
    }
    each_set_of_indexes(state, &mut |set| *set = renumbered(*set, &order));
}

fn each_set_of_indexes(state: &mut State, visit: &mut impl FnMut(&mut Set)) {
    visit(&mut state.storage.indexes);
    visit(&mut state.repair.indexes);
    visit(&mut state.repair.listing.indexes);
    for writer in &mut state.writers {
        visit(&mut writer.listing.indexes);
    }
    for prune in &mut state.prunes {
        visit(&mut prune.old);
        visit(&mut prune.listing.indexes);
    }
}

/// The new number of each, largest look first; `None` if they are in order.
fn order<const N: usize>(looks: [u64; N]) -> Option<[usize; N]> {
    if looks.is_sorted_by(|a, b| a >= b) {
        return None;
    }
    let mut by_look: [usize; N] = std::array::from_fn(|place| place);
    by_look.sort_by_key(|&place| std::cmp::Reverse(looks[place]));
    let mut new = [0; N];
    for (place, &old) in by_look.iter().enumerate() {
        new[old] = place;
    }
    Some(new)
}

fn renumbered<const N: usize>(set: Set, order: &[usize; N]) -> Set {
    members(set).fold(0, |all, member| all | only(order[member]))
}

//! The queue before a language model. So many answers are written at once, so
//! many more may wait, and owners take turns: who asks ten times waits no less
//! for the second answer than somebody else for the first.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// The queue.
pub(super) struct Queue {
    at_once: usize,
    waiting: usize,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    /// Tickets whose turn it is.
    under_way: usize,
    /// Tickets that wait.
    waiting: usize,
    last_number: u64,
    /// The lines of owners with tickets that wait, in the order of their turns.
    lines: VecDeque<Line>,
}

struct Line {
    owner: String,
    tickets: VecDeque<Waiting>,
}

struct Waiting {
    number: u64,
    call: watch::Sender<bool>,
}

/// A place in the queue. Dropping it gives it up.
pub(super) struct Ticket {
    queue: Arc<Queue>,
    owner: String,
    number: u64,
    called: watch::Receiver<bool>,
}

impl Queue {
    /// A queue where so many have their turn at once, and so many may wait.
    pub(super) fn new(at_once: usize, waiting: usize) -> Arc<Self> {
        Arc::new(Self {
            at_once,
            waiting,
            inside: Mutex::default(),
        })
    }

    /// A place, unless the queue is full, or half of it is this owner's.
    pub(super) fn join(self: &Arc<Self>, owner: &str) -> Option<Ticket> {
        let mut inside = self.inside();
        inside.last_number += 1;
        let number = inside.last_number;
        let (call, called) = watch::channel(false);
        if inside.under_way < self.at_once {
            inside.under_way += 1;
            call.send_replace(true);
        } else {
            if inside.waiting >= self.waiting {
                return None;
            }
            let half = self.waiting.div_ceil(2);
            let line = inside.lines.iter_mut().find(|line| line.owner == owner);
            let waiting = Waiting { number, call };
            match line {
                Some(line) if line.tickets.len() >= half => return None,
                Some(line) => line.tickets.push_back(waiting),
                None => inside.lines.push_back(Line {
                    owner: owner.to_owned(),
                    tickets: VecDeque::from([waiting]),
                }),
            }
            inside.waiting += 1;
        }
        Some(Ticket {
            queue: Arc::clone(self),
            owner: owner.to_owned(),
            number,
            called,
        })
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    /// Takes a ticket out of its line; `false` where it stands in none.
    fn leave_line(&mut self, owner: &str, number: u64) -> bool {
        let Some(at) = self.lines.iter().position(|line| line.owner == owner) else {
            return false;
        };
        let tickets = &mut self.lines[at].tickets;
        let before = tickets.len();
        tickets.retain(|waiting| waiting.number != number);
        let left = tickets.len() < before;
        if tickets.is_empty() {
            self.lines.remove(at);
        }
        self.waiting -= usize::from(left);
        left
    }

    /// The turn goes to the next owner's first ticket.
    fn call_next(&mut self) {
        let Some(mut line) = self.lines.pop_front() else {
            return;
        };
        if let Some(next) = line.tickets.pop_front() {
            self.waiting -= 1;
            self.under_way += 1;
            next.call.send_replace(true);
        }
        if !line.tickets.is_empty() {
            self.lines.push_back(line);
        }
    }
}

impl Ticket {
    /// Waits for its turn, which then lasts as long as the ticket.
    pub(super) async fn turn(&self) {
        // The sender goes only once it has called.
        let _ = self.called.clone().wait_for(|called| *called).await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut inside = self.queue.inside();
        if !inside.leave_line(&self.owner, self.number) {
            inside.under_way -= 1;
            inside.call_next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_called(ticket: &Ticket) -> bool {
        *ticket.called.borrow()
    }

    #[tokio::test]
    async fn owners_take_turns() {
        let queue = Queue::new(1, 10);
        let first = queue.join("ada").unwrap();
        let mut waiting: Vec<_> = ["ada", "ada", "ada", "ben", "eve", "ben"]
            .iter()
            .map(|owner| (*owner, queue.join(owner).unwrap()))
            .collect();
        first.turn().await;
        drop(first);
        let mut order = vec![];
        while let Some(at) = waiting.iter().position(|(_, ticket)| is_called(ticket)) {
            let (owner, ticket) = waiting.remove(at);
            ticket.turn().await;
            order.push(owner);
        }
        assert_eq!(order, ["ada", "ben", "eve", "ada", "ben", "ada"]);
        assert_eq!(queue.inside().under_way, 0);
    }

    #[test]
    fn who_finds_it_full_is_turned_away() {
        let queue = Queue::new(2, 4);
        let mut held: Vec<_> = (0..4).map(|_| queue.join("ada").unwrap()).collect();
        assert!(queue.join("ada").is_none(), "half of the queue is hers");
        held.push(queue.join("ben").unwrap());
        held.push(queue.join("eve").unwrap());
        assert!(queue.join("ben").is_none() && queue.join("new").is_none());
        drop(held.remove(2));
        held.push(queue.join("new").unwrap());
        assert!(queue.join("ben").is_none());
        drop(held);
        let inside = queue.inside();
        assert_eq!((inside.under_way, inside.waiting), (0, 0));
        assert!(inside.lines.is_empty());
    }

    #[test]
    fn who_leaves_before_its_turn_takes_nobody_elses() {
        let queue = Queue::new(1, 10);
        let first = queue.join("ada").unwrap();
        let (second, third) = (queue.join("ben").unwrap(), queue.join("eve").unwrap());
        drop(second);
        assert!(is_called(&first) && !is_called(&third));
        drop(first);
        assert!(is_called(&third));
        // Called, and gone before it noticed.
        let fourth = queue.join("ada").unwrap();
        drop(third);
        assert!(is_called(&fourth));
    }

    #[test]
    fn without_a_queue_nobody_waits() {
        let queue = Queue::new(1, 0);
        let first = queue.join("ada").unwrap();
        assert!(queue.join("ben").is_none());
        drop(first);
        assert!(queue.join("ben").is_some());
    }
}

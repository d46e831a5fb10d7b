//! The services pane: every virtual address with who announces it, whether it answers, and why not.
//!
//! Invariant: everything is keyed by the Service's UID, so one that was made anew under an old name is another row. Which
//! rows there are is decided once for a frame, in [`ServicesPane::settle`]: with two thousand Services and a filter that is
//! work, and a key must not wait for it several times.

mod columns;
mod detail;
pub(in crate::panes) mod fault;
mod table;
pub(in crate::panes) mod wish;

use std::net::IpAddr;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::msg::Msg;
use crate::panes::listing::{Listing, visible_rows};
use crate::panes::services::columns::{COLUMNS, Column};
use crate::panes::{Cx, page, scrolled};
use crate::rack::Rack;
use crate::rack::log::feed::Opening;
use crate::rack::node::Uid;
use crate::rack::problem::Subject;
use crate::rack::service::{Protocol, Service, ServiceName};
use crate::rack::vip::probe::Target;
use crate::theme::roles::Theme;

/// What the user is doing in the services pane.
#[derive(Debug, Default)]
pub struct ServicesPane {
    list: Listing<Uid, Column>,
    view: View,
    /// NodePort and ClusterIP as well.
    shows_all: bool,
    /// The rows in their order, as of the last look, and how many lines each takes.
    ids: Vec<Uid>,
    lines: Vec<u16>,
    /// The person wants other rows than at the last look.
    is_stirred: bool,
    /// What they were decided from.
    seen: Seen,
}

/// As long as these are the same, so are the rows: which Services there are, which of them are troubled, and, where what
/// stands in the cells decides, everything derived of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Seen {
    services: u64,
    troubled: u64,
    looks: Option<u64>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum View {
    #[default]
    Table,
    Detail {
        uid: Uid,
        scroll: usize,
    },
}

/// Ports that are probed at once at most: what is on the screen, and a bound for a screen of any size.
const PROBED: usize = 64;

impl ServicesPane {
    pub fn filter(&self) -> &str {
        &self.list.filter
    }

    pub fn set_filter(&mut self, text: &str) {
        self.list.set_filter(text);
        self.is_stirred = true;
    }

    /// True on the page of one Service: its own keys apply.
    pub fn is_detail(&self) -> bool {
        matches!(self.view, View::Detail { .. })
    }

    /// Decides which rows there are, and keeps the cursor on its Service, or on the neighbour of one that is gone.
    pub fn settle(&mut self, rack: &Rack) {
        let cells_decide = self.list.sort.is_some() || !self.list.filter.is_empty();
        let seen = Seen {
            services: rack.services.shape(),
            troubled: rack.vips.shape(),
            looks: cells_decide.then(|| rack.vips.looks()),
        };
        if self.seen == seen && !self.is_stirred {
            return;
        }
        let chosen = self.chosen(rack);
        let ids = chosen.iter().map(|it| it.uid.clone()).collect();
        self.lines = table::lines(rack, &chosen);
        self.ids = ids;
        self.list.rows.settle(&self.ids, rack.now.mono);
        self.is_stirred = false;
        self.seen = seen;
    }

    /// Looks at the visible rows once more, so that columns keep the width they had.
    pub fn measure(&mut self, rack: &Rack, area: Rect) {
        for widths in table::measure(self, rack, area) {
            self.list.measure(widths.into_iter());
        }
    }

    /// The ports whose answers are on the screen.
    pub fn probed(&self, rack: &Rack, area: Rect) -> Vec<Target> {
        let shown = match &self.view {
            View::Table => table::window(self, rack, visible_rows(area)).services,
            View::Detail { uid, .. } => rack.services.by_uid(uid).into_iter().collect(),
        };
        let mut targets: Vec<Target> = shown.into_iter().flat_map(columns::targets).collect();
        targets.sort();
        targets.dedup();
        targets.truncate(PROBED);
        targets
    }

    /// Opens the page of a Service. False when there is no such Service.
    pub fn show_service(&mut self, name: &ServiceName, rack: &Rack) -> bool {
        let Some(service) = rack.services.get(name) else {
            return false;
        };
        self.shows_all |= !service.is_load_balancer();
        self.is_stirred = true;
        self.settle(rack);
        if !self.list.rows.select(&self.ids, &service.uid) {
            self.list.close();
            self.is_stirred = true;
            self.settle(rack);
            self.list.rows.select(&self.ids, &service.uid);
        }
        self.view = View::Detail {
            uid: service.uid.clone(),
            scroll: 0,
        };
        true
    }

    /// Closes the innermost thing. False when there was nothing to close.
    pub fn close(&mut self) -> bool {
        match &self.view {
            View::Detail { .. } => {
                self.view = View::Table;
                true
            }
            View::Table => {
                self.is_stirred = true;
                if self.list.close() {
                    return true;
                }
                let showed_all = std::mem::take(&mut self.shows_all);
                if showed_all {
                    self.list.rows.chosen_anew();
                }
                showed_all
            }
        }
    }

    pub fn on_action(&mut self, action: Action, cx: &mut Cx<'_>) {
        self.settle(cx.rack);
        if let View::Detail { uid, scroll } = &mut self.view {
            let service = cx.rack.services.by_uid(uid);
            let total = service.map_or(0, |service| detail::height(cx.rack, service, cx.area));
            let height = usize::from(cx.area.height.saturating_sub(2));
            if scrolled(scroll, action, total, height) {
                return;
            }
        }
        if !self.is_detail() {
            let height = visible_rows(cx.area);
            let rows = &mut self.list.rows;
            if rows.on_action_in_lines(action, &self.ids, height, &self.lines) {
                return;
            }
        }
        if self.list.on_action(action) {
            return self.is_stirred = true;
        }
        match action {
            Action::RowOpen => {
                if let Some(service) = self.current(cx.rack) {
                    let uid = service.uid.clone();
                    self.view = View::Detail { uid, scroll: 0 };
                }
            }
            Action::ServicesAll => {
                self.shows_all = !self.shows_all;
                self.list.rows.chosen_anew();
                self.is_stirred = true;
            }
            Action::CopyName => self.with_service(cx, |service| {
                let address = service.addresses().next().map(|it| it.to_string());
                Msg::Copy(address.unwrap_or_else(|| service.name.to_string()))
            }),
            Action::CopyUrl => self.with_service(cx, |service| match url(service) {
                Some(url) => Msg::Copy(url),
                None => Msg::warn(format!(
                    "service {} has no address with a TCP port",
                    service.name
                )),
            }),
            Action::ServiceCheck => self.with_service(cx, |service| match url(service) {
                Some(url) => Msg::CheckUrl(url),
                None => Msg::warn(format!(
                    "service {} has no address with a TCP port",
                    service.name
                )),
            }),
            Action::LogsOpen => {
                let context = &cx.rack.cluster.context;
                self.with_service(cx, |service| {
                    let about = Subject::Service(service.name.clone());
                    Opening::of(&about, context).map_or(Msg::nothing_here(action), Msg::OpenLogs)
                });
            }
            Action::YamlOpen => self.with_service(cx, |service| {
                Msg::ReadYaml(Subject::Service(service.name.clone()))
            }),
            Action::ServiceExpose => cx.msgs.push(Msg::Fill(wish::expose_form(cx.rack))),
            Action::ServiceAddress
            | Action::ServiceRelease
            | Action::ServiceShare
            | Action::ServicePool => {
                self.wish(action, cx);
            }
            _ => {}
        }
    }

    /// Asks for what a Service should ask for.
    fn wish(&self, action: Action, cx: &mut Cx<'_>) {
        let Some(service) = self.current(cx.rack) else {
            return cx.msgs.push(Msg::warn("there is no service here"));
        };
        if !self.is_detail() && self.list.rows.is_unsettled(cx.rack.now.mono) {
            let text = "another service slid under the cursor just now: look, and press again";
            return cx.msgs.push(Msg::warn(text));
        }
        cx.msgs.push(wish::ask(action, service, cx.rack));
    }

    pub fn hints(&self) -> &'static [Action] {
        match self.view {
            View::Table => &[
                Action::RowOpen,
                Action::ServiceExpose,
                Action::ServiceAddress,
                Action::FilterOpen,
                Action::FaultsToggle,
                Action::ServicesAll,
                Action::MenuOpen,
                Action::CommandOpen,
            ],
            View::Detail { .. } => &[
                Action::Close,
                Action::ServiceAddress,
                Action::ServiceCheck,
                Action::YamlOpen,
                Action::MenuOpen,
            ],
        }
    }

    pub fn menu(&self, rack: &Rack) -> (String, Vec<Action>) {
        let Some(service) = self.current(rack) else {
            return (
                "Services".to_owned(),
                vec![Action::ServiceExpose, Action::ServicesAll],
            );
        };
        let mut menu = Vec::new();
        if !self.is_detail() {
            menu.push(Action::RowOpen);
        }
        if service.is_load_balancer() {
            menu.extend([
                Action::ServiceAddress,
                Action::ServicePool,
                Action::ServiceShare,
                Action::ServiceRelease,
            ]);
        }
        if url(service).is_some() {
            menu.extend([Action::ServiceCheck, Action::CopyUrl]);
        }
        menu.extend([
            Action::LogsOpen,
            Action::CopyName,
            Action::YamlOpen,
            Action::ServiceExpose,
        ]);
        (format!("Service {}", service.name), menu)
    }

    /// The Service the keys act on.
    fn current<'a>(&self, rack: &'a Rack) -> Option<&'a Service> {
        match &self.view {
            View::Detail { uid, .. } => rack.services.by_uid(uid),
            View::Table => rack.services.by_uid(self.list.rows.current(&self.ids)?),
        }
    }

    fn with_service(&self, cx: &mut Cx<'_>, ask: impl FnOnce(&Service) -> Msg) {
        let msg = match self.current(cx.rack) {
            Some(service) => ask(service),
            None => Msg::warn("there is no service here"),
        };
        cx.msgs.push(msg);
    }

    /// The Services in the order and the choice of the table.
    fn chosen<'a>(&self, rack: &'a Rack) -> Vec<&'a Service> {
        let filter = self.list.parsed_filter();
        let passes = |service: &&Service| {
            let cell = |column: &Column| column.cell(rack, service).0;
            let texts = || COLUMNS.iter().map(cell).collect::<Vec<_>>();
            (self.shows_all || service.is_load_balancer())
                && (!self.list.only_faults || rack.vips.is_troubled(&service.name))
                && (filter.is_empty() || self.list.accepts(&filter, &texts()))
        };
        let mut services: Vec<&Service> = rack.services.iter().filter(passes).collect();
        if let Some(column) = self.list.sort {
            services.sort_by_cached_key(|service| column.sort_key(rack, service));
        }
        if self.list.is_reversed {
            services.reverse();
        }
        services
    }

    /// Whether news of a Service can be seen right now.
    pub fn is_volatile(&self) -> bool {
        self.list.sort.is_some_and(Column::is_volatile)
    }

    pub fn view(&self, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
        match &self.view {
            View::Table => table::draw(self, rack, theme, area, buf),
            View::Detail { uid, scroll } => match rack.services.by_uid(uid) {
                Some(service) => detail::draw(rack, service, *scroll, theme, area, buf),
                None => page::draw_gone(rack, ("Services", "service"), theme, area, buf),
            },
        }
    }
}

/// Where a browser would look: the first TCP port of the first address.
fn url(service: &Service) -> Option<String> {
    let address = service
        .addresses()
        .next()
        .filter(|_| service.is_load_balancer())?;
    let mut ports = service
        .ports
        .iter()
        .filter(|it| it.protocol == Protocol::Tcp);
    let is_secure = |port: u16, name: &str| matches!(port, 443 | 8443) || name.contains("https");
    let port = ports.next()?;
    let (scheme, usual) = if is_secure(port.port, &port.name) {
        ("https", 443)
    } else {
        ("http", 80)
    };
    let host = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    Some(if port.port == usual {
        format!("{scheme}://{host}/")
    } else {
        format!("{scheme}://{host}:{}/", port.port)
    })
}

#[cfg(test)]
mod tests;

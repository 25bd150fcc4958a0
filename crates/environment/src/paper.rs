//! Which of the edge paper's tools reads an instance. Does not know how a tool reads.

use weighbridge_experiment::{EnvironmentKind, MeterTarget, PaperTarget, Resource};

use crate::docker;

/// What the edge paper's tool for this kind of environment would be pointed at: `docker stats`
/// for containers, `top` of the hypervisor for virtual machines. It had no others.
#[must_use]
pub fn paper_target(resource: &Resource, target: &MeterTarget) -> PaperTarget {
    let nothing = |reason: &str| PaperTarget::Nothing { reason: reason.to_owned() };
    match (resource.kind, target) {
        (EnvironmentKind::Native, _) => {
            nothing("the edge paper had no environment without walls, so it had no tool for one")
        }
        (EnvironmentKind::Ssh, _) => nothing("tools of the other host are not run"),
        (EnvironmentKind::Simulated, _) => nothing("simulated: nothing is measured"),
        (_, MeterTarget::Nothing { reason }) => nothing(reason),
        (_, MeterTarget::Guest { host, .. }) => paper_target(resource, host),
        (EnvironmentKind::Docker, _) => docker::stats_target(resource),
        (EnvironmentKind::Container, MeterTarget::Cgroup { path, .. }) => {
            PaperTarget::Cgroup { path: path.clone() }
        }
        (EnvironmentKind::Container, MeterTarget::ProcessTree { reason, .. }) => nothing(reason),
        // Virtual machines: what is outside is the process that runs the guest.
        (_, MeterTarget::Cgroup { process, .. } | MeterTarget::ProcessTree { process, .. }) => {
            PaperTarget::Hypervisor { process: *process }
        }
    }
}

#[cfg(test)]
mod tests {
    use weighbridge_experiment::{GuestCounters, InstanceId, Locator};

    use super::*;

    #[test]
    fn each_kind_has_the_tool_that_the_paper_had_for_it() {
        let target = MeterTarget::Cgroup { path: "weighbridge/x".to_owned(), process: 7 };
        let of = |kind, locator| {
            let instance = InstanceId("x".to_owned());
            let resource = Resource { kind, instance, directory: "/i/x".into(), locator };
            paper_target(&resource, &target)
        };
        let socket = std::path::PathBuf::from("/run/docker.sock");
        let locator = Some(Locator::Docker { socket: socket.clone() });
        let container = "weighbridge-x".to_owned();
        assert_eq!(of(EnvironmentKind::Docker, locator), PaperTarget::Daemon { socket, container });
        assert_eq!(
            of(EnvironmentKind::Container, None),
            PaperTarget::Cgroup { path: "weighbridge/x".to_owned() }
        );
        assert_eq!(of(EnvironmentKind::Qemu, None), PaperTarget::Hypervisor { process: 7 });
        let counters = GuestCounters::Qemu { socket: "/i/x/run/qmp.sock".into() };
        let guest = MeterTarget::Guest { host: Box::new(target.clone()), counters };
        let resource = Resource {
            kind: EnvironmentKind::Qemu,
            instance: InstanceId("x".to_owned()),
            directory: "/i/x".into(),
            locator: None,
        };
        assert_eq!(paper_target(&resource, &guest), PaperTarget::Hypervisor { process: 7 });
        for kind in [EnvironmentKind::Native, EnvironmentKind::Ssh, EnvironmentKind::Simulated] {
            assert!(matches!(of(kind, None), PaperTarget::Nothing { .. }), "{kind}");
        }
        assert!(matches!(of(EnvironmentKind::Docker, None), PaperTarget::Nothing { .. }));
    }
}

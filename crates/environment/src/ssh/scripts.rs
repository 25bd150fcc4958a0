//! What is run on the other host: POSIX shell, Linux, nothing else assumed. Each is a fixed
//! text; all that differs comes as `$1` and so on.

/// Prints system, machine and home directory, a line each.
pub(super) const LOOK: &str = r#"uname -s; uname -m; printf '%s\n' "$HOME"; id -u"#;

/// `BASE SHA256…` — prints those digests of which the host has no file yet.
pub(super) const MISSING: &str = r#"
base=$1; shift
mkdir -p "$base/files" && chmod 700 "$base" || exit 1
for digest; do [ -f "$base/files/$digest" ] || printf '%s\n' "$digest"; done
"#;

/// `BASE SHA256` — keeps standard input as the file of that digest, if it is.
pub(super) const KEEP: &str = r#"
part="$1/files/.$2.$$"
trap 'rm -f "$part"' EXIT
cat > "$part" || exit 1
got=$(sha256sum < "$part" | cut -d' ' -f1)
[ "$got" = "$2" ] || { echo "what arrived has digest $got instead of $2" >&2; exit 1; }
chmod 755 "$part" && mv "$part" "$1/files/$2"
"#;

/// `BASE INSTANCE (SHA256 PATH)…` — makes the instance's directory with those files in it.
pub(super) const PREPARE: &str = r#"
base=$1; place=$1/instances/$2; shift 2
mkdir -p "$base/instances" && mkdir "$place" && mkdir -p "$place/run/work" || exit 1
while [ $# -ge 2 ]; do
    mkdir -p "$place/$(dirname "$2")" || exit 1
    ln "$base/files/$1" "$place/$2" 2>/dev/null || cp "$base/files/$1" "$place/$2" || exit 1
    shift 2
done
"#;

/// `PLACE INSTANCE QUOTA_US MEMORY_BYTES COMMAND…` — starts the agent in the background, in a
/// cgroup where one can be made; waits until it listens or has ended. Prints `limits` or
/// `unlimited: WHY`, then `listens` or `ended`. Memory 0 means no limit.
pub(super) const START: &str = r#"
place=$1; name=weighbridge-$2; quota=$3; memory=$4; shift 4
root=/sys/fs/cgroup; entrances=; why=
limited() {
    if [ -f $root/cgroup.controllers ]; then
        echo "+cpu +memory" > $root/cgroup.subtree_control
        mkdir $root/$name && entrances=$root/$name/cgroup.procs || return 1
        echo "$quota 100000" > $root/$name/cpu.max || return 1
        [ "$memory" = 0 ] && return 0
        echo "$memory" > $root/$name/memory.max || return 1
        [ ! -e $root/$name/memory.swap.max ] || echo 0 > $root/$name/memory.swap.max
    else
        mkdir $root/cpu/$name $root/memory/$name || return 1
        entrances="$root/cpu/$name/cgroup.procs $root/memory/$name/cgroup.procs"
        echo 100000 > $root/cpu/$name/cpu.cfs_period_us || return 1
        echo "$quota" > $root/cpu/$name/cpu.cfs_quota_us || return 1
        [ "$memory" = 0 ] && return 0
        echo "$memory" > $root/memory/$name/memory.limit_in_bytes || return 1
    fi
}
if limited 2> "$place/limits.log"; then
    echo limits
else
    entrances=
    echo "unlimited: $(head -n 1 "$place/limits.log")"
fi
cd "$place/run" || exit 1
export entrances
setsid sh -c '
    for entrance in $entrances; do echo 0 > "$entrance" || exit 1; done
    env -i PATH=/usr/bin:/bin HOME=/ "$@"
    echo $? > ../exit.partial && mv ../exit.partial ../exit
' sh "$@" < /dev/null > /dev/null 2> ../stderr.log &
echo $! > ../pid
tries=0
while [ ! -S agent.sock ] && [ ! -e ../exit ] && [ $tries -lt 600 ]; do
    tries=$((tries + 1)); sleep 0.02
done
if [ -S agent.sock ]; then echo listens; else echo ended; fi
"#;

/// `PLACE NAME` — keeps standard input as a file that the agent reads as `work/NAME`.
pub(super) const COPY: &str = r#"cat > "$1/run/work/$2""#;

/// `PLACE SIGNAL` — sends a signal to every process of the instance.
pub(super) const SIGNAL: &str = r#"
found=1
for link in /proc/[0-9]*/cwd; do
    at=$(readlink "$link" 2>/dev/null) || continue
    case "$at" in "$1"|"$1"/*) process=${link#/proc/}; kill -"$2" "${process%/cwd}" && found=0 ;; esac
done
[ $found = 0 ] || echo "none of its processes runs" >&2
exit $found
"#;

/// `PLACE INSTANCE` — tells how the agent ended (`exit N`, `oom N`, then `words` and what it
/// wrote last), ends what runs, and removes everything.
pub(super) const DESTROY: &str = r#"
place=$1; name=weighbridge-$2; root=/sys/fs/cgroup
if [ -d "$place" ]; then
    [ -f "$place/exit" ] && printf 'exit %s\n' "$(cat "$place/exit")"
    for file in $root/$name/memory.events $root/memory/$name/memory.oom_control; do
        [ -f $file ] && printf 'oom %s\n' "$(sed -n 's/^oom_kill //p' $file)"
    done
    echo words
    tail -c 4096 "$place/stderr.log" 2>/dev/null
fi
tries=0
while [ $tries -lt 100 ]; do
    tries=$((tries + 1)); left=
    for link in /proc/[0-9]*/cwd; do
        at=$(readlink "$link" 2>/dev/null) || continue
        case "$at" in "$place"|"$place"/*)
            process=${link#/proc/}; kill -9 "${process%/cwd}" 2>/dev/null && left=1 ;;
        esac
    done
    for group in $root/$name $root/cpu/$name $root/memory/$name; do
        [ -d $group ] || continue
        for process in $(cat $group/cgroup.procs 2>/dev/null); do kill -9 "$process" 2>/dev/null; done
        rmdir $group 2>/dev/null || left=1
    done
    [ -z "$left" ] && break
    sleep 0.02
done
[ -z "$left" ] || { echo "processes or cgroups of $name do not go away" >&2; exit 1; }
rm -rf "$place"
"#;

/// `PLACE INSTANCE` — prints `yes` if anything of the instance is there.
pub(super) const EXISTS: &str = r#"
for path in "$1" /sys/fs/cgroup/weighbridge-"$2" /sys/fs/cgroup/cpu/weighbridge-"$2"; do
    [ -e "$path" ] && { echo yes; exit 0; }
done
echo no
"#;

use super::reader::{Found, Reader, chosen, field, text_of};

const MEMINFO: &str = "/proc/meminfo";

pub(super) fn read(reader: &mut Reader<'_>) {
    let meminfo = reader.text(MEMINFO);
    reader.add("memory_total_bytes", MEMINFO, bytes(&meminfo, "MemTotal"));
    reader.add("memory_available_bytes", MEMINFO, bytes(&meminfo, "MemAvailable"));
    reader.add("swap_total_bytes", MEMINFO, bytes(&meminfo, "SwapTotal"));
    let huge = value(&meminfo, "HugePages_Total")
        .and_then(|count| Ok(format!("{count} of {}", value(&meminfo, "Hugepagesize")?)));
    reader.add("huge_pages_reserved", MEMINFO, huge);
    for (name, path) in [
        ("transparent_huge_pages", "/sys/kernel/mm/transparent_hugepage/enabled"),
        ("transparent_huge_pages_defragmentation", "/sys/kernel/mm/transparent_hugepage/defrag"),
    ] {
        let found = reader.text(path).and_then(|text| {
            chosen(&text).map(str::to_owned).ok_or_else(|| format!("no choice is marked in {path}"))
        });
        reader.add(name, path, found);
    }
    reader.add_file("numa_nodes_online", "/sys/devices/system/node/online");
    reader.add_file("numa_balancing", "/proc/sys/kernel/numa_balancing");
    reader.add_file("memory_overcommit", "/proc/sys/vm/overcommit_memory");
    reader.add_file("memory_swappiness", "/proc/sys/vm/swappiness");
    let page = rustix::param::page_size().to_string();
    reader.add("memory_page_bytes", "sysconf _SC_PAGESIZE", Ok(page));
}

fn value(meminfo: &Found, name: &str) -> Found {
    let text = text_of(meminfo)?;
    field(text, name).map(str::to_owned).ok_or_else(|| format!("no `{name}` in {MEMINFO}"))
}

fn bytes(meminfo: &Found, name: &str) -> Found {
    let text = value(meminfo, name)?;
    let kibibytes: Option<u64> =
        text.strip_suffix("kB").and_then(|number| number.trim().parse().ok());
    let bytes = kibibytes.and_then(|kibibytes| kibibytes.checked_mul(1024));
    bytes.map(|bytes| bytes.to_string()).ok_or_else(|| format!("`{name}` in {MEMINFO} is `{text}`"))
}

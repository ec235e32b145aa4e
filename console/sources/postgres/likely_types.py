"""Which type something that a server lacks most likely has, by its name, which is of our own queries. Pure."""

from __future__ import annotations

import re

# Tried in this order for what no name gives away, until the statement can be parsed.
TYPES = (
    *("text", "bigint", "double precision", "timestamp with time zone", "boolean", "oid", "interval", "name"),
    *("xid", "integer", "pg_lsn", "inet", '"char"', "text[]", "oid[]", "smallint[]", "real[]", "regclass"),
    *("pg_node_tree", "int2vector", "oidvector", "xid8", "numeric", "jsonb", "json", "integer[]", "name[]"),
    *("bigint[]", "boolean[]", "double precision[]", "timestamp with time zone[]"),
)
# The first pattern that a name matches in full gives its type.
_COLUMNS = {
    "xid": r"\w*(?:_xid|xmin|xmax|frozenxid|minmxid|multi_xid|multixact_id|multi_offset)|transaction(?:id)?",
    "pg_lsn": r"\w*_lsn|two_phase_at",
    "regclass": r"parentrelid",
    "regproc": r"amproc|oprcode",
    '"char"': (
        r"deptype|att(?:align|generated|identity)|contype|evtenabled|partstrat|pro(?:kind|volatile)|rel(?:kind|persistence)"
        r"|srsubstate|tgenabled"
    ),
    "integer": (
        r"(?:\w*_|)pid|atttypmod|relnatts|\w*_port|avg_width|datconnlimit|encoding|level|n(?:doc|entry)|\w*objsubid|page"
        r"|relall\w+|relpages|seqno|sourceline|sslbits|sync_priority|\w*(?:timeline|_tli|timeline_id|version_no|control_version)"
    ),
    "smallint": r"attnum|adnum|indn\w*atts|amopstrategy|attinhcount|attlen|tgtype|tuple",
    "smallint[]": r"(?:con|conf)key",
    "aclitem[]": r"\w*acl",
    "int2vector": r"ind(?:key|option)|partattrs",
    "oidvector": r"ind(?:class|collation)|partclass|proargtypes",
    "oid": (
        r"\w*(?:oid|relid|namespace|owner|relam|sysid|family|classid|objid|dbid|datid|userid|subid|relfilenode"
        r"|tablespace|_multi_dbid)|relation|database|ev_class|datdba|amopopr|amoplefttype|attcollation|atttypid|conindid"
        r"|conparentid|ownerid|grantee|grantor|inhparent|partdefid|prolang|rngtypid|rngsubtype|reltype|opcintype|typbasetype|setdatabase|setrole|typelem"
    ),
    "pg_node_tree": r"indpred|indexprs|adbin|conbin|polqual|ev_action|partexprs|relpartbound",
    "boolean": (
        r"rol(?:super|inherit|create\w*|canlogin|replication|bypassrls)|ind(?:is|nulls|imm)\w*|rel(?:has|is|row)\w*"
        r"|att(?:not|has|is)\w*|con(?:validated|deferr\w*)|is\w+|granted|fastpath|active|dat(?:allow|is)\w*|applied"
        r"|conflicting|failover|full_page_writes|gss_\w+|inhdetachpending|inherited|pending_restart|relocatable|ssl"
        r"|subenabled|superuser|synced|temporary|tgisinternal|trusted|two_phase|seqcycle|end_of_backup_record_required"
    ),
    "real": r"n_distinct|null_frac|reltuples|correlation",
    "real[]": r"most_common_freqs",
    "text[]": r"\w*options|enumvals|\w*config|subpublications",
    "name[]": r"requires",
    "inet": r"client_addr|server_addr",
    "interval": r"\w+_lag",
    "numeric": r"(?:read|write|extend|wal)_bytes",
    "double precision": r"(?:read|write|extend|fsync|writeback|blk_\w+|total_exec|\w+_exec|\w+_plan)_time",
    "timestamp with time zone": (
        r"\w+_(?:start|change|time|since|reset|modified)|access|change|creation|modification|prepared|waitstart"
    ),
    "bigint": (
        r"\w+_(?:count|total|done|scanned|vacuumed|processed|streamed|bytes|exists|missing|differs|conflicts)"
        r"|\w+_(?:full|fpi|records|size)"
        r"|query_?id|calls|rows|param\d+|evictions|extends|fsyncs|hits|reads|reuses|writes|writebacks|size"
        r"|system_identifier|wal_buffers_full|wal_write|wal_sync|seq(?:max|min|increment|start|cache)"
    ),
    "name": (
        r"(?:am|att|coll|con|dat|evt|ext|lan|nsp|opr|pro|rel|rol|rule|spc|sub|subslot|tg|typ|use|schema|table|slot_)name"
        r"|plugin|schema"
    ),
}  # fmt: skip
_FUNCTIONS = {
    "double precision": r"date_part|ceil|floor|exp|ln|avg|round|percentile_disc|\w+_(?:read|write|session|sync)_time",
    "timestamp with time zone": (
        r"clock_timestamp|now|timezone|date_trunc|pg_stat_get_lastscan|\w+_time|\w+_timestamp|\w+_last_failure"
    ),
    "numeric": r"pg_wal_lsn_diff",
    "bigint": r"count|sum|bit_or|row_number|\w+_(?:size|bytes|last_value)|pg_stat_get_\w+",
    "integer": (
        r"age|mxid_age|array_length|array_position|cardinality|\w*length|strpos|pg_backend_pid|generate_subscripts"
    ),
    "boolean": r"bool_\w+|has_\w+|pg_has_\w+|pg_is_\w+|row_security_active|starts_with|isfinite",
    "name": r"current_database|pg_encoding_to_char|pg_get_userbyid",
    "pg_lsn": r"\w+_lsn",
    "text[]": r"array_agg|regexp_match\w*|parse_ident",
    "integer[]": r"pg_blocking_pids",
    "regclass": r"pg_partition_root|to_regclass",
    "oid": r"pg_relation_filenode",
    "jsonb": r"jsonb_\w+|to_jsonb",
    "json": r"json_\w+",
    "inet": r"inet_\w+",
    "bytea": r"pg_read_binary_file|textsend",
    "pg_snapshot": r"pg_current_snapshot",
    "xid8": r"pg_snapshot_\w+",
}


def likely_types(name: str, *, is_function: bool) -> tuple[str, ...]:
    """All types that are worth a try, the likeliest first."""
    named = _FUNCTIONS if is_function else _COLUMNS
    hints = (kind for kind, pattern in named.items() if re.fullmatch(pattern, name, re.ASCII))
    return tuple(dict.fromkeys((*hints, *TYPES)))

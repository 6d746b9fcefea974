"""What OCSF and ASIM want of a record, written down from their definitions.

OCSF 1.7.0: https://schema.ocsf.io/1.7.0.  ASIM NetworkSession 0.2.7 and the table
ASimNetworkSessionLogs: https://learn.microsoft.com/azure/sentinel."""
import datetime
import ipaddress
import re

I32, I64 = 2**31 - 1, 2**63 - 1


def integer(most, *allowed):
    return lambda v: type(v) is int and 0 <= v <= most and (not allowed or v in allowed)


def text(pattern=None):
    return lambda v: isinstance(v, str) and (not pattern or bool(re.fullmatch(pattern, v)))


def address(value):
    try:
        ipaddress.ip_address(value)
        return isinstance(value, str)
    except ValueError:
        return False


def moment(value):
    try:
        datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ")
        return True
    except (TypeError, ValueError):
        return False


def boolean(value):
    return isinstance(value, bool)


STRING, LONG, INT, PORT = text(), integer(I64), integer(I64), integer(65535)
MAC = text("([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")

# Attributes that we write, of all that an object may have: whether it is required, and its
# type: a test, the name of an object, or a list of one.
OCSF_OBJECTS = {
    "metadata": {
        "version": (True, text(r"1\.7\.0")), "product": (True, "product"), "uid": (False, STRING),
        "sequence": (False, INT), "original_time": (False, STRING), "log_name": (False, STRING),
        "log_version": (False, STRING), "profiles": (False, [text("security_control")]),
        "reporter": (False, "reporter")},
    "product": {"name": (False, STRING), "vendor_name": (False, STRING), "version": (False, STRING)},
    "reporter": {"name": (False, STRING)},
    "endpoint": {"ip": (False, address), "port": (False, PORT), "mac": (False, MAC),
                 "hostname": (False, STRING), "name": (False, STRING), "zone": (False, STRING)},
    "connection_info": {
        "direction_id": (True, integer(99, 0, 1, 2, 3, 4, 99)), "direction": (False, STRING),
        "boundary_id": (False, integer(99, *range(12), 99)), "protocol_num": (False, integer(255)),
        "protocol_name": (False, STRING), "protocol_ver_id": (False, integer(99, 0, 4, 6, 99)),
        "community_uid": (False, STRING), "uid": (False, STRING), "flag_history": (False, STRING)},
    "traffic": {name: (False, LONG) for name in (
        "bytes", "bytes_in", "bytes_out", "bytes_missed", "packets", "packets_in", "packets_out")},
    "tls": {"version": (True, STRING), "sni": (False, STRING), "ja3_hash": (False, "fingerprint"),
            "ja3s_hash": (False, "fingerprint")},
    "fingerprint": {"algorithm_id": (True, integer(99, 1)), "value": (True, text("[0-9a-fA-F]+"))},
    "ja4_fingerprint": {"type_id": (True, integer(99, 1)), "value": (True, STRING)},
    "url": {"url_string": (True, STRING)},
    "firewall_rule": {"uid": (False, STRING), "name": (False, STRING), "category": (False, STRING)},
    "policy": {"name": (False, STRING), "version": (False, STRING), "uid": (False, STRING)},
    "attack": {"technique": (False, "entity"), "tactic": (False, "entity")},
    "entity": {"uid": (False, STRING), "name": (False, STRING)},
    "related_event": {"uid": (True, STRING)},
    "analytic": {"type_id": (True, integer(99, *range(12), 99)), "uid": (False, STRING),
                 "name": (False, STRING), "category": (False, STRING)},
    "finding_info": {
        "uid": (True, STRING), "title": (False, STRING), "analytic": (False, "analytic"),
        "first_seen_time": (False, LONG), "last_seen_time": (False, LONG),
        "attacks": (False, ["attack"]), "related_events": (False, ["related_event"])},
    "evidence": {
        "src_endpoint": (False, "endpoint"), "dst_endpoint": (False, "endpoint"),
        "connection_info": (False, "connection_info"), "tls": (False, "tls"),
        "ja4_fingerprint_list": (False, ["ja4_fingerprint"]), "url": (False, "url")},
    "unmapped": None,  # Anything.
}
# At least one of these.
OCSF_ONE_OF = {
    "reporter": ("name", "hostname", "ip", "uid"), "policy": ("name", "uid"),
    "endpoint": ("ip", "name", "hostname"), "attack": ("technique", "tactic"),
    "evidence": ("src_endpoint", "dst_endpoint", "connection_info"),
    4001: ("src_endpoint", "dst_endpoint"),
}
BASE = {
    "class_uid": (True, INT), "category_uid": (True, INT), "type_uid": (True, LONG),
    "activity_id": (True, INT), "severity_id": (True, integer(99, *range(7), 99)),
    "time": (True, LONG), "metadata": (True, "metadata"), "activity_name": (False, STRING),
    "start_time": (False, LONG), "end_time": (False, LONG), "duration": (False, LONG),
    "count": (False, INT), "message": (False, STRING), "status_id": (False, integer(99, 0, 1, 2, 99)),
    "status_detail": (False, STRING), "status_code": (False, STRING), "unmapped": (False, "unmapped"),
}
CONTROL = {  # The profile security_control.
    "action_id": (True, integer(4, 3)), "action": (False, text("Observed")),
    "disposition_id": (True, integer(99, 15, 17)), "firewall_rule": (False, "firewall_rule"),
    "policy": (False, "policy"),
}
# By class: its category, its activities, its attributes.
OCSF_CLASSES = {
    0: (0, (0, 99), BASE),
    2004: (2, (1, 2, 3), {
        **BASE, **CONTROL, "finding_info": (True, "finding_info"), "is_alert": (False, boolean),
        "risk_score": (False, INT), "evidences": (False, ["evidence"])}),
    4001: (4, (1, 2, 3, 4, 5, 6), {
        **BASE, **CONTROL, "src_endpoint": (False, "endpoint"), "dst_endpoint": (False, "endpoint"),
        "connection_info": (False, "connection_info"), "traffic": (False, "traffic"),
        "cumulative_traffic": (False, "traffic"), "app_name": (False, STRING),
        "tls": (False, "tls"), "ja4_fingerprint_list": (False, ["ja4_fingerprint"]),
        "url": (False, "url"), "observation_point_id": (False, integer(99, 0, 1, 2, 3, 4, 99))}),
}


def check_object(where, value, attributes):
    """What is wrong with an object of OCSF."""
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    wrong = [f"{where}.{name} is missing" for name, (required, _) in attributes.items()
             if required and name not in value]
    for name, inner in value.items():
        if name not in attributes:
            wrong.append(f"{where}.{name} is unknown")
        else:
            wrong += check_value(f"{where}.{name}", inner, attributes[name][1])
    return wrong


def check_value(where, value, kind):
    if isinstance(kind, list):
        if not isinstance(value, list) or not value:
            return [f"{where} is no list"]
        return sum((check_value(f"{where}[{i}]", one, kind[0]) for i, one in enumerate(value)), [])
    if not isinstance(kind, str):
        return [] if kind(value) else [f"{where} is {value!r}"]
    if OCSF_OBJECTS[kind] is None:
        return [] if isinstance(value, dict) else [f"{where} is no object"]
    wrong = check_object(where, value, OCSF_OBJECTS[kind])
    if kind in OCSF_ONE_OF and not set(OCSF_ONE_OF[kind]) & set(value):
        wrong.append(f"{where} has none of {OCSF_ONE_OF[kind]}")
    return wrong


def check_ocsf(record):
    """What is wrong with a record."""
    uid = record.get("class_uid")
    if uid not in OCSF_CLASSES:
        return [f"class {uid!r}"]
    category, activities, attributes = OCSF_CLASSES[uid]
    wrong = check_object(str(uid), record, attributes)
    if record.get("category_uid") != category:
        wrong.append("category")
    if record.get("activity_id") not in activities:
        wrong.append(f"activity {record.get('activity_id')}")
    if record.get("type_uid") != uid * 100 + record.get("activity_id", 0):
        wrong.append("type")
    if uid in OCSF_ONE_OF and not set(OCSF_ONE_OF[uid]) & set(record):
        wrong.append(f"none of {OCSF_ONE_OF[uid]}")
    return wrong


def one_of(words):
    return lambda v: v in words.split("|")


DYNAMIC = lambda v: isinstance(v, dict)  # noqa: E731
# Columns of ASimNetworkSessionLogs that we write: type in Log Analytics, whether ASIM wants it,
# and what it may be.
ASIM_COLUMNS = {
    "TimeGenerated": ("datetime", True, moment),
    "EventCount": ("int", True, integer(I32)),
    "EventStartTime": ("datetime", True, moment),
    "EventEndTime": ("datetime", True, moment),
    "EventType": ("string", True, one_of("NetworkSession|Flow|IDS")),
    "EventSubType": ("string", False, one_of("Start|End")),
    "EventResult": ("string", True, one_of("Success|Partial|Failure|NA")),
    "EventResultDetails": ("string", True, one_of("Reset|Timeout|Terminated|Simulation|Unknown|NA")),
    "EventOriginalResultDetails": ("string", False, STRING),
    "EventOriginalUid": ("string", True, STRING),
    "EventOriginalType": ("string", False, STRING),
    "EventOriginalSubType": ("string", False, STRING),
    "EventSeverity": ("string", True, one_of("Informational|Low|Medium|High")),
    "EventOriginalSeverity": ("string", False, STRING),
    "EventProduct": ("string", True, STRING),
    "EventProductVersion": ("string", False, STRING),
    "EventVendor": ("string", True, STRING),
    "EventSchema": ("string", True, one_of("NetworkSession")),
    "EventSchemaVersion": ("string", True, one_of("0.2.7")),
    "EventMessage": ("string", False, STRING),
    "Dvc": ("string", True, STRING),
    "DvcHostname": ("string", False, STRING),
    "DvcInterface": ("string", False, STRING),
    "DvcAction": ("string", True, one_of("Allow")),
    "DvcOriginalAction": ("string", False, STRING),
    "NetworkApplicationProtocol": ("string", False, text("[^a-z]*")),
    "NetworkProtocol": ("string", False, text("[^a-z]*")),
    "NetworkProtocolVersion": ("string", False, one_of("IPv4|IPv6")),
    "NetworkDirection": ("string", False, one_of("Inbound|Outbound|Local|External|NA")),
    "NetworkDuration": ("int", False, integer(I32)),
    "NetworkIcmpCode": ("int", False, integer(I32)),
    "NetworkConnectionHistory": ("string", False, STRING),
    "NetworkSessionId": ("string", False, STRING),
    "NetworkRuleName": ("string", False, STRING),
    "NetworkBytes": ("long", False, LONG), "NetworkPackets": ("long", False, LONG),
    "SrcBytes": ("long", False, LONG), "SrcPackets": ("long", False, LONG),
    "DstBytes": ("long", False, LONG), "DstPackets": ("long", False, LONG),
    "SrcIpAddr": ("string", False, address), "DstIpAddr": ("string", False, address),
    "SrcPortNumber": ("int", False, PORT), "DstPortNumber": ("int", False, PORT),
    "SrcMacAddr": ("string", False, MAC), "DstMacAddr": ("string", False, MAC),
    "SrcZone": ("string", False, STRING), "DstZone": ("string", False, STRING),
    "SrcVlanId": ("string", False, STRING), "DstVlanId": ("string", False, STRING),
    "DstFQDN": ("string", False, text(r"[^.].*\..*")),
    "DstAppName": ("string", False, STRING),
    "ThreatId": ("string", False, STRING),
    "ThreatRiskLevel": ("int", False, integer(100)),
    "ThreatOriginalRiskLevel": ("string", False, STRING),
    "AdditionalFields": ("dynamic", False, DYNAMIC),
}


def check_asim(record):
    wrong = [f"{name} is missing" for name, (_, required, _) in ASIM_COLUMNS.items()
             if required and name not in record]
    for name, value in record.items():
        if name not in ASIM_COLUMNS:
            wrong.append(f"{name} is unknown")
        elif not ASIM_COLUMNS[name][2](value):
            wrong.append(f"{name} is {value!r}")
    return wrong

/* Everything that 'segmon doctor' can find, in the order of the way of a
 * packet:
 *
 *     X(NAME, "code", severity, area, "why it matters")
 *
 * Codes are what scripts and --ignore know findings by: they do not change.
 * segmon(1) lists them all. */

#ifndef TOOLS_DOCTOR_DIAGNOSIS_CODES_H
#define TOOLS_DOCTOR_DIAGNOSIS_CODES_H

#define DIAGNOSIS_LINK_CODES(X)                                                \
    X(LINK_MISSING, "D-LINK-MISSING", CRITICAL, LINK,                          \
      "nothing can be captured where there is no interface")                   \
    X(LINK_DOWN, "D-LINK-DOWN", CRITICAL, LINK,                                \
      "an interface that is switched off receives nothing")                    \
    X(LINK_CARRIER, "D-LINK-CARRIER", CRITICAL, LINK,                          \
      "nothing comes through a cable or switch port that is not connected")    \
    X(LINK_HALF_DUPLEX, "D-LINK-HALF-DUPLEX", WARNING, LINK,                   \
      "collisions destroy frames that nobody sends again to a span port")      \
    X(LINK_ADDRESS, "D-LINK-ADDRESS", WARNING, LINK,                           \
      "the sensor can be reached, and talks, in the network it is to watch "   \
      "unseen; mind that you may have come that way yourself")                 \
    X(LINK_LOCAL_ADDRESS, "D-LINK-LOCAL-ADDRESS", INFO, LINK,                  \
      "the sensor sends neighbour discovery into the network it watches")      \
    X(LINK_GRO, "D-LINK-GRO", WARNING, LINK,                                   \
      "the kernel merges segments into frames that were never on the wire: "   \
      "packet counts, sizes and gaps are wrong")                               \
    X(LINK_HARDWARE_GRO, "D-LINK-HARDWARE-GRO", WARNING, LINK,                 \
      "the device merges segments into frames that were never on the wire: "   \
      "packet counts, sizes and gaps are wrong")                               \
    X(LINK_LRO, "D-LINK-LRO", WARNING, LINK,                                   \
      "the device merges segments and throws their headers away: packet "      \
      "counts, sizes, flags and gaps are wrong")                               \
    X(LINK_RXVLAN, "D-LINK-RXVLAN", INFO, LINK,                                \
      "the device takes VLAN tags out of frames; the kernel hands them over "  \
      "beside the frame, but not every driver does for the outer of two tags") \
    X(LINK_RING, "D-LINK-RING", WARNING, LINK,                                 \
      "a short ring overflows in bursts, before the kernel sees the frames")   \
    X(LINK_PAUSE, "D-LINK-PAUSE", WARNING, LINK,                               \
      "a busy sensor tells the switch to wait, and the switch then drops "     \
      "copies that nobody counts")                                             \
    X(LINK_RSS, "D-LINK-RSS", WARNING, LINK,                                   \
      "the directions of a conversation arrive in different queues and "       \
      "overtake each other")                                                   \
    X(LINK_MISSED, "D-LINK-MISSED", WARNING, LINK,                             \
      "the device had no room for frames: conversations have gaps")            \
    X(LINK_DAMAGED, "D-LINK-DAMAGED", WARNING, LINK,                           \
      "frames arrive damaged and are thrown away: look at cable and optics")   \
    X(LINK_TOO_LONG, "D-LINK-TOO-LONG", WARNING, LINK,                         \
      "the device throws away frames longer than it is set up for")

#define DIAGNOSIS_TRAFFIC_CODES(X)                                             \
    X(TRAFFIC_NONE, "D-TRAFFIC-NONE", CRITICAL, TRAFFIC,                       \
      "a sensor that sees nothing reports nothing")                            \
    X(TRAFFIC_NO_SPAN, "D-TRAFFIC-NO-SPAN", CRITICAL, TRAFFIC,                 \
      "this is what any port of a switch gets: nothing is mirrored to it")     \
    X(TRAFFIC_UNKNOWN_LINK, "D-TRAFFIC-UNKNOWN-LINK", CRITICAL, TRAFFIC,       \
      "frames of this link type are not decoded")                              \
    X(TRAFFIC_ENCRYPTED, "D-TRAFFIC-ENCRYPTED", CRITICAL, TRAFFIC,             \
      "frames under MACsec or WPA cannot be read: mirror behind it")           \
    X(TRAFFIC_NOT_IP, "D-TRAFFIC-NOT-IP", WARNING, TRAFFIC,                    \
      "frames without IP belong to no segment, and are only counted")          \
    X(TRAFFIC_DAMAGED, "D-TRAFFIC-DAMAGED", WARNING, TRAFFIC,                  \
      "frames whose headers contradict themselves are only counted")           \
    X(TRAFFIC_ONE_SIDED, "D-TRAFFIC-ONE-SIDED", CRITICAL, TRAFFIC,             \
      "only one direction is mirrored: whether a flow got through, and who "   \
      "opened it, is often unknown")                                           \
    X(TRAFFIC_PARTLY_ONE_SIDED, "D-TRAFFIC-PARTLY-ONE-SIDED", WARNING,         \
      TRAFFIC,                                                                 \
      "some of the ports or routes are mirrored in one direction only: "       \
      "whether those flows got through is often unknown")                      \
    X(TRAFFIC_DOUBLED, "D-TRAFFIC-DOUBLED", WARNING, TRAFFIC,                  \
      "packets are mirrored where they enter and again where they leave: "     \
      "the span port carries twice the load, and overflows sooner")            \
    X(TRAFFIC_GAPS, "D-TRAFFIC-GAPS", WARNING, TRAFFIC,                        \
      "content that was acknowledged never came by: the span port is "         \
      "oversubscribed, or not all of the paths are mirrored")                  \
    X(TRAFFIC_DISORDER, "D-TRAFFIC-DISORDER", WARNING, TRAFFIC,                \
      "segments overtake each other on the way to the sensor, from several "   \
      "queues or aggregated taps")                                             \
    X(TRAFFIC_MERGED, "D-TRAFFIC-MERGED", WARNING, TRAFFIC,                    \
      "frames longer than the MTU were never on the wire: segments are "       \
      "merged before they are captured")                                       \
    X(TRAFFIC_OWN_MERGED, "D-TRAFFIC-OWN-MERGED", INFO, TRAFFIC,               \
      "what this machine itself sends is captured before it is cut into "      \
      "segments")                                                              \
    X(TRAFFIC_SNAPLEN, "D-TRAFFIC-SNAPLEN", WARNING, TRAFFIC,                  \
      "the snapshot length cuts frames: applications are recognised by less "  \
      "of them")                                                               \
    X(TRAFFIC_CUT, "D-TRAFFIC-CUT", WARNING, TRAFFIC,                          \
      "frames were cut before they came here, as by a span port that "         \
      "truncates: applications are recognised by less of them")                \
    X(TRAFFIC_DROPPED, "D-TRAFFIC-DROPPED", WARNING, TRAFFIC,                  \
      "this machine does not keep up even with counting frames")               \
    X(TRAFFIC_DISCARDED, "D-TRAFFIC-DISCARDED", WARNING, TRAFFIC,              \
      "the kernel's queue of arriving frames overflowed before any capture")   \
    X(TRAFFIC_VLANS, "D-TRAFFIC-VLANS", INFO, TRAFFIC,                         \
      "conversations may be told apart by VLAN: see 'vlan' in "                \
      "segmon-policy(5)")                                                      \
    X(TRAFFIC_TUNNELS, "D-TRAFFIC-TUNNELS", INFO, TRAFFIC,                     \
      "what is inside is judged; workers share traffic by the addresses "      \
      "outside")                                                               \
    X(TRAFFIC_FRAGMENTS, "D-TRAFFIC-FRAGMENTS", INFO, TRAFFIC,                 \
      "fragments after the first have no ports, and wait for their first")     \
    X(TRAFFIC_CHECKSUMS, "D-TRAFFIC-CHECKSUMS", INFO, TRAFFIC,                 \
      "frames were mirrored before a device computed checksums, or are "       \
      "damaged; segmon does not judge by checksums")

#define DIAGNOSIS_HOST_CODES(X)                                                \
    X(CLOCK_UNSYNCHRONISED, "D-CLOCK-UNSYNCHRONISED", WARNING, CLOCK,          \
      "the times of records cannot be compared with those of other systems")   \
    X(CLOCK_ERROR, "D-CLOCK-ERROR", WARNING, CLOCK,                            \
      "the system itself thinks that its clock may be far off")                \
    X(CLOCK_WRONG, "D-CLOCK-WRONG", CRITICAL, CLOCK,                           \
      "the date cannot be right: records would be filed under it")             \
    X(CLOCK_STEP, "D-CLOCK-STEP", WARNING, CLOCK,                              \
      "the clock was set while packets came: times of records have a jump")    \
    X(CLOCK_STAMPS, "D-CLOCK-STAMPS", WARNING, CLOCK,                          \
      "packets are stamped by another clock than the system's")                \
    X(HOST_KERNEL, "D-HOST-KERNEL", CRITICAL, HOST,                            \
      "workers share an interface by a program in the kernel that Linux 4.3 "  \
      "brought")                                                               \
    X(HOST_MEMORY, "D-HOST-MEMORY", WARNING, HOST,                             \
      "the kernel ends processes when memory runs out")                        \
    X(HOST_DISK, "D-HOST-DISK", WARNING, HOST,                                 \
      "events that find no room on the disk are lost and counted")             \
    X(HOST_DISK_FULL, "D-HOST-DISK-FULL", CRITICAL, HOST,                      \
      "events that find no room on the disk are lost and counted")             \
    X(HOST_OUTPUT, "D-HOST-OUTPUT", CRITICAL, HOST,                            \
      "events cannot be written there")                                        \
    X(HOST_FILES, "D-HOST-FILES", WARNING, HOST,                               \
      "every worker has descriptors of its own on every interface")

#define DIAGNOSIS_REDIS_CODES(X)                                               \
    X(REDIS_UNREACHABLE, "D-REDIS-UNREACHABLE", CRITICAL, REDIS,               \
      "events that cannot be delivered are lost and counted")                  \
    X(REDIS_AUTH, "D-REDIS-AUTH", CRITICAL, REDIS,                             \
      "without a login that is good no event is delivered")                    \
    X(REDIS_OPEN, "D-REDIS-OPEN", WARNING, REDIS,                              \
      "whoever reaches the server can read, forge and delete events")          \
    X(REDIS_CLEARTEXT, "D-REDIS-CLEARTEXT", WARNING, REDIS,                    \
      "whoever is on the way reads what the sensor saw, and the password")     \
    X(REDIS_SLOW, "D-REDIS-SLOW", WARNING, REDIS,                              \
      "every batch of events waits for an answer")                             \
    X(REDIS_VERSION, "D-REDIS-VERSION", CRITICAL, REDIS,                       \
      "streams came with Redis 5")                                             \
    X(REDIS_NO_ACL, "D-REDIS-NO-ACL", INFO, REDIS,                             \
      "before Redis 6 whoever may write may also read and delete")             \
    X(REDIS_REPLICA, "D-REDIS-REPLICA", CRITICAL, REDIS,                       \
      "only the master takes events")                                          \
    X(REDIS_ALONE, "D-REDIS-ALONE", CRITICAL, REDIS,                           \
      "until a replica is there every event is refused")                       \
    X(REDIS_EVICTION, "D-REDIS-EVICTION", CRITICAL, REDIS,                     \
      "a full server then deletes whole streams, read or not, and tells "      \
      "nobody")                                                                \
    X(REDIS_EVICTION_VOLATILE, "D-REDIS-EVICTION-VOLATILE", WARNING, REDIS,    \
      "a full server then deletes the sensors' states, which those who watch " \
      "them need")                                                             \
    X(REDIS_UNBOUNDED, "D-REDIS-UNBOUNDED", WARNING, REDIS,                    \
      "when the machine is out of memory the kernel ends the server")          \
    X(REDIS_FULL, "D-REDIS-FULL", CRITICAL, REDIS,                             \
      "a full server refuses events")                                          \
    X(REDIS_FILLING, "D-REDIS-FILLING", WARNING, REDIS,                        \
      "a full server refuses events")                                          \
    X(REDIS_MAXMEMORY, "D-REDIS-MAXMEMORY", WARNING, REDIS,                    \
      "the kernel ends the server before it notices that it is full")          \
    X(REDIS_VOLATILE, "D-REDIS-VOLATILE", WARNING, REDIS,                      \
      "when the server restarts all events are gone, those acknowledged too")  \
    X(REDIS_SNAPSHOTS, "D-REDIS-SNAPSHOTS", WARNING, REDIS,                    \
      "when the server restarts, events since the last snapshot are gone")     \
    X(REDIS_FSYNC, "D-REDIS-FSYNC", WARNING, REDIS,                            \
      "when the power fails, half a minute of events may be gone")             \
    X(REDIS_WRITES, "D-REDIS-WRITES", CRITICAL, REDIS,                         \
      "a server that cannot write its file refuses events, or forgets them")   \
    X(REDIS_CLIENTS, "D-REDIS-CLIENTS", WARNING, REDIS,                        \
      "a sensor that connects anew is turned away")                            \
    X(REDIS_RIGHTS, "D-REDIS-RIGHTS", CRITICAL, REDIS,                         \
      "what is not permitted is not delivered")                                \
    X(REDIS_REFUSES, "D-REDIS-REFUSES", CRITICAL, REDIS,                       \
      "events that cannot be delivered are lost and counted")                  \
    X(REDIS_TYPE, "D-REDIS-TYPE", CRITICAL, REDIS,                             \
      "events cannot be added to it")                                          \
    X(REDIS_MOVED, "D-REDIS-MOVED", CRITICAL, REDIS,                           \
      "in a cluster all keys of a sensor are on one node, which the URI must " \
      "name")                                                                  \
    X(REDIS_TRIMMED, "D-REDIS-TRIMMED", CRITICAL, REDIS,                       \
      "the stream was trimmed before its reader came that far")                \
    X(REDIS_UNREAD, "D-REDIS-UNREAD", WARNING, REDIS,                          \
      "events pile up until the server is full")                               \
    X(REDIS_LAG, "D-REDIS-LAG", WARNING, REDIS,                                \
      "events pile up until the server is full or they are trimmed unread")    \
    X(REDIS_STUCK, "D-REDIS-STUCK", WARNING, REDIS,                            \
      "nobody else gets these events unless somebody claims them")

#define DIAGNOSIS_SENSOR_CODES(X)                                              \
    X(SENSOR_SILENT, "D-SENSOR-SILENT", CRITICAL, SENSOR,                      \
      "a sensor that does not run, or does not reach its server, reports "     \
      "nothing")                                                               \
    X(SENSOR_BLIND, "D-SENSOR-BLIND", CRITICAL, SENSOR,                        \
      "what goes on there is not seen, whatever is reported")                  \
    X(SENSOR_DROPS, "D-SENSOR-DROPS", WARNING, SENSOR,                         \
      "conversations have gaps, and some are missing")                         \
    X(SENSOR_EVENTS, "D-SENSOR-EVENTS", WARNING, SENSOR,                       \
      "they were counted, and are in none of the outputs")                     \
    X(SENSOR_EMERGENCY, "D-SENSOR-EMERGENCY", WARNING, SENSOR,                 \
      "conversations are ended early, and attempts told together")

#define DIAGNOSIS_CODES(X)                                                     \
    DIAGNOSIS_LINK_CODES(X)                                                    \
    DIAGNOSIS_TRAFFIC_CODES(X)                                                 \
    DIAGNOSIS_HOST_CODES(X)                                                    \
    DIAGNOSIS_REDIS_CODES(X)                                                   \
    DIAGNOSIS_SENSOR_CODES(X)

#endif

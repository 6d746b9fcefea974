/* nDPI's ndpi_check_flow_func() is replaced as in ndpi_hotfix.c.  It shows a
 * packet to the dissector that its ports suggest, then to all others in their
 * order until one recognises it, then to those of the protocols that are
 * carried by the recognised one.  So does this; the order, the conditions and
 * the count that is returned are the same, and test_ndpi_dispatch.c compares.
 *
 * A dissector is asked if the packet is of its kind ('selection'), if its own
 * protocol is not excluded for the conversation, and if it looks at
 * conversations of unknown protocol, as they are when this is called.  nDPI
 * keeps that in its module (ndpi_inside.h).  This file looks into it once, when
 * the module is made, believes none of it that is not as it has to be, and
 * leaves all to the original otherwise: other versions, and packets without
 * payload. */

#include "dissect/ndpi_dispatch.h"

#include "dissect/ndpi_inside.h"

#if NDPI_INSIDE

#include <dlfcn.h> /* RTLD_NEXT needs _GNU_SOURCE, from CMakeLists.txt. */
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default"), used))

enum {
    MAX_DISSECTORS = NDPI_MAX_SUPPORTED_PROTOCOLS + 1,
    N_PROTOCOLS = NDPI_MAX_SUPPORTED_PROTOCOLS + NDPI_MAX_NUM_CUSTOM_PROTOCOLS,
    /* TCP with payload, as packets select dissectors. */
    TCP_PAYLOAD = NDPI_SELECTION_BITMASK_PROTOCOL_INT_TCP |
                  NDPI_SELECTION_BITMASK_PROTOCOL_HAS_PAYLOAD
};

typedef u_int32_t check_function(struct ndpi_detection_module_struct *,
                                 struct ndpi_flow_struct *,
                                 NDPI_SELECTION_BITMASK_PROTOCOL_SIZE *);
typedef void dissect_function(struct ndpi_detection_module_struct *,
                              struct ndpi_flow_struct *);

struct dissector {
    dissect_function *dissect;
    uint16_t selection; /* Bits that the packet's must have. */
    uint16_t protocol;  /* Its own. */
};

/* In nDPI's order; of those that look at unknown conversations. */
struct list {
    size_t n;
    struct dissector dissector[MAX_DISSECTORS];
};

struct ndpi_dispatch {
    const ndpi_proto_defaults_t *protocols; /* Of the module. */
    struct list tcp, udp;
    /* By a protocol's number in the module; 'dissect' is NULL if it does not
     * look at unknown conversations. */
    struct dissector numbered[MAX_DISSECTORS];
};

/* What dlsym() finds. */
union original {
    void *object;
    check_function *check;
};

static check_function *check_original;
static _Thread_local const struct ndpi_dispatch *in_use;

/* What is shown to whom. */
struct showing {
    struct ndpi_detection_module_struct *module;
    struct ndpi_flow_struct *flow;
    uint32_t selection;
    uint32_t calls;
    dissect_function *shown_first; /* Or NULL. */
};

static inline bool
is_asked(const struct showing *showing, const struct dissector *dissector)
{
    const ndpi_ndpi_mask *excluded =
        showing->flow->excluded_protocol_bitmask.fds_bits;
    unsigned protocol = dissector->protocol;

    return (dissector->selection & ~showing->selection) == 0 &&
           (excluded[protocol / NDPI_BITS] >> protocol % NDPI_BITS & 1) == 0;
}

static inline void
show(struct showing *showing, dissect_function *dissect)
{
    dissect(showing->module, showing->flow);
    showing->calls++;
}

/* The one that the ports suggest. */
static void
show_guessed(const struct ndpi_dispatch *dispatch, struct showing *showing)
{
    const ndpi_proto_defaults_t *guessed =
        &dispatch->protocols[showing->flow->guessed_protocol_id];
    const struct dissector *dissector = &dispatch->numbered[guessed->protoIdx];

    if (guessed->protoId != NDPI_PROTOCOL_UNKNOWN && guessed->func != NULL &&
        dissector->dissect != NULL && is_asked(showing, dissector)) {
        show(showing, guessed->func);
        showing->shown_first = guessed->func;
    }
}

static void
show_in_turn(const struct list *list, struct showing *showing)
{
    const u_int16_t *found = showing->flow->detected_protocol_stack;

    for (size_t i = 0; i < list->n && found[0] == NDPI_PROTOCOL_UNKNOWN; i++) {
        const struct dissector *dissector = &list->dissector[i];

        if (dissector->dissect != showing->shown_first &&
            is_asked(showing, dissector)) {
            show(showing, dissector->dissect);
        }
    }
}

/* Those of protocols that the recognised one carries, until one is found. */
static void
show_to_carried(const struct ndpi_dispatch *dispatch, struct showing *showing)
{
    const u_int16_t *found = showing->flow->detected_protocol_stack;

    for (u_int32_t i = 0; i < dispatch->protocols[found[0]].subprotocol_count;
         i++) {
        const ndpi_proto_defaults_t *carrier = &dispatch->protocols[found[0]];
        const ndpi_proto_defaults_t *carried;
        const struct dissector *dissector;

        if (carrier->subprotocols[i] ==
            (u_int16_t)NDPI_PROTOCOL_MATCHED_BY_CONTENT) {
            continue;
        }
        carried = &dispatch->protocols[carrier->subprotocols[i]];
        dissector = &dispatch->numbered[carried->protoIdx];
        if (carried->func != showing->shown_first &&
            dissector->dissect != NULL && is_asked(showing, dissector)) {
            show(showing, dissector->dissect);
        }
        if (found[1] != NDPI_PROTOCOL_UNKNOWN) {
            break;
        }
    }
}

EXPORTED u_int32_t
ndpi_check_flow_func(
    struct ndpi_detection_module_struct *ndpi_struct,
    struct ndpi_flow_struct *flow,
    NDPI_SELECTION_BITMASK_PROTOCOL_SIZE *ndpi_selection_packet)
{
    const struct ndpi_dispatch *dispatch = in_use;
    struct showing showing = {ndpi_struct, flow, *ndpi_selection_packet, 0,
                              NULL};
    bool is_udp =
        (showing.selection & NDPI_SELECTION_BITMASK_PROTOCOL_INT_UDP) != 0;

    if (dispatch == NULL || flow == NULL ||
        (!is_udp && (showing.selection & TCP_PAYLOAD) != TCP_PAYLOAD) ||
        flow->detected_protocol_stack[0] != NDPI_PROTOCOL_UNKNOWN) {
        return check_original(ndpi_struct, flow, ndpi_selection_packet);
    }
    show_guessed(dispatch, &showing);
    show_in_turn(is_udp ? &dispatch->udp : &dispatch->tcp, &showing);
    show_to_carried(dispatch, &showing);
    return showing.calls;
}

void
ndpi_dispatch_use(const struct ndpi_dispatch *dispatch)
{
    in_use = dispatch;
}

bool
ndpi_dispatch_install(void)
{
    check_original =
        (union original){.object = dlsym(RTLD_NEXT, "ndpi_check_flow_func")}
            .check;
    return check_original != NULL;
}

static bool
has(const NDPI_PROTOCOL_BITMASK *set, unsigned protocol)
{
    return NDPI_ISSET(set, protocol) != 0;
}

/* Whether its exclusion is that of its own protocol and no other. */
static bool
excludes_itself(const struct ndpi_call_function_struct *callback)
{
    for (unsigned protocol = 0; protocol < NDPI_NUM_BITS; protocol++) {
        if (has(&callback->excluded_protocol_bitmask, protocol) !=
            (protocol == callback->ndpi_protocol_id)) {
            return false;
        }
    }
    return true;
}

static bool
looks_at_unknown(const struct ndpi_call_function_struct *callback)
{
    return has(&callback->detection_bitmask, NDPI_PROTOCOL_UNKNOWN);
}

static struct dissector
dissector_of(const struct ndpi_call_function_struct *callback)
{
    return (struct dissector){
        .dissect = looks_at_unknown(callback) ? callback->func : NULL,
        .selection = (uint16_t)callback->ndpi_selection_bitmask,
        .protocol = callback->ndpi_protocol_id,
    };
}

/* Returns false if anything is otherwise than it has to be. */
static bool
take_list(struct list *list, const struct ndpi_call_function_struct *callbacks,
          size_t n)
{
    if (n == 0 || n > MAX_DISSECTORS) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (callbacks[i].func == NULL || !excludes_itself(&callbacks[i]) ||
            callbacks[i].ndpi_selection_bitmask > UINT16_MAX) {
            return false;
        }
        if (looks_at_unknown(&callbacks[i])) {
            list->dissector[list->n++] = dissector_of(&callbacks[i]);
        }
    }
    return true;
}

/* Empty places look at nothing.  (Protocols without a dissector of their own
 * have the number 0, which is another's; nDPI does not mind, nor does this.) */
static bool
take_numbered(struct ndpi_dispatch *dispatch,
              const struct ndpi_detection_module_struct *module)
{
    for (size_t i = 0; i < MAX_DISSECTORS; i++) {
        const struct ndpi_call_function_struct *callback =
            &module->callback_buffer[i];

        if (callback->func != NULL && !excludes_itself(callback)) {
            return false;
        }
        dispatch->numbered[i] = dissector_of(callback);
    }
    for (size_t i = 0; i < N_PROTOCOLS; i++) {
        if (module->proto_defaults[i].protoIdx >= MAX_DISSECTORS) {
            return false;
        }
    }
    return true;
}

struct ndpi_dispatch *
ndpi_dispatch_new(const struct ndpi_detection_module_struct *module)
{
    struct ndpi_dispatch *dispatch = calloc(1, sizeof *dispatch);

    if (dispatch == NULL) {
        return NULL;
    }
    dispatch->protocols = module->proto_defaults;
    if (!take_list(&dispatch->tcp, module->callback_buffer_tcp_payload,
                   module->callback_buffer_size_tcp_payload) ||
        !take_list(&dispatch->udp, module->callback_buffer_udp,
                   module->callback_buffer_size_udp) ||
        !take_numbered(dispatch, module)) {
        ndpi_dispatch_free(dispatch);
        return NULL;
    }
    return dispatch;
}

void
ndpi_dispatch_free(struct ndpi_dispatch *dispatch)
{
    free(dispatch);
}

#else

bool
ndpi_dispatch_install(void)
{
    return true;
}

struct ndpi_dispatch *
ndpi_dispatch_new(const struct ndpi_detection_module_struct *module)
{
    (void)module;
    return NULL;
}

void
ndpi_dispatch_free(struct ndpi_dispatch *dispatch)
{
    (void)dispatch;
}

void
ndpi_dispatch_use(const struct ndpi_dispatch *dispatch)
{
    (void)dispatch;
}

#endif

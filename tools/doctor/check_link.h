/* What is wrong with the set-up of an interface for capturing.  Pure. */

#ifndef TOOLS_DOCTOR_CHECK_LINK_H
#define TOOLS_DOCTOR_CHECK_LINK_H

struct diagnosis;
struct nic;

/* Before frames are captured, which changes some of it. */
void check_link(const struct nic *, struct diagnosis *);

/* What the device has lost between two readings, a few seconds apart. */
void check_link_losses(const struct nic *before, const struct nic *after,
                       struct diagnosis *);

#endif

/* Its table; looking things up in it is inline. */

#include "flows/duplicates.h"

#include <string.h>

void
duplicates_init(struct duplicates *d)
{
    memset(d, 0, sizeof *d);
}

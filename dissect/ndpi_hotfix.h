/* Two crashes of nDPI 4.2, mended from outside; see ndpi_hotfix.c.
 *
 * The functions that replace nDPI's own are not declared here: nobody but nDPI
 * calls them. */

#ifndef DISSECT_NDPI_HOTFIX_H
#define DISSECT_NDPI_HOTFIX_H

#include <stdbool.h>

/* Whether the linked nDPI is a version that needs the replacements. */
bool ndpi_hotfix_needed(void);

/* Finds what is replaced and makes sure that nDPI really calls the
 * replacements.  Idempotent; call before the threads start.  Returns false if
 * they would not take effect; true if they do or are not needed. */
bool ndpi_hotfix_install(void);

#endif

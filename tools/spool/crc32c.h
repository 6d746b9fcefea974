/* CRC-32C (Castagnoli), as iSCSI has it: RFC 3720, appendix B.4.
 *
 * Finds every burst of up to 32 bits that changed, and all but one in 2^32 of
 * other changes; it is no defence against who changes bytes on purpose.  With
 * the processor's own instruction where there is one, else from tables.  Pure;
 * any thread. */

#ifndef TOOLS_SPOOL_CRC32C_H
#define TOOLS_SPOOL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* 'crc' is that of the bytes before these; of the first ones 0, or a seed. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

/* The same without that instruction, for processors that have none. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t size);

#endif

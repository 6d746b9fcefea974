/* XXH3, inlined, over objects of any type: so it must read their bytes as
 * memcpy() does.  Left to itself xxHash 0.8.3 reads them through pointers to
 * integers, and a compiler may then suppose that it sees nothing of what was
 * written to an object just before. */

#ifndef CAPTURE_XXH3_H
#define CAPTURE_XXH3_H

#define XXH_INLINE_ALL
#define XXH_FORCE_MEMORY_ACCESS 0
#include <xxhash.h>

#endif

/* See failing_malloc.h. */

#include "tests/support/failing_malloc.h"
#include "tests/support/sanitized.h"

#include <errno.h>
#include <stdlib.h>

#if IS_SANITIZED || !defined(__GLIBC__)
#define WORKS 0
#else
#define WORKS 1
#endif

static struct {
    bool armed;
    size_t nth, asked;
    enum failing_malloc_mode mode;
    long live;
} heap;

bool
failing_malloc_works(void)
{
    return WORKS;
}

void
failing_malloc_arm(size_t nth, enum failing_malloc_mode mode)
{
    heap.nth = nth;
    heap.mode = mode;
    heap.asked = 0;
    heap.armed = true;
}

size_t
failing_malloc_disarm(void)
{
    heap.armed = false;
    return heap.asked;
}

long
failing_malloc_live(void)
{
    return heap.live;
}

#if WORKS

/* glibc's own, under the names it exports for this. */
/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

/* So that libraries find them as well as we do. */
#define EXPORTED __attribute__((visibility("default")))

static bool
runs_out(void)
{
    if (!heap.armed) {
        return false;
    }
    heap.asked++;
    if (heap.nth == 0 || heap.asked < heap.nth ||
        (heap.mode == FAILING_MALLOC_ONCE && heap.asked > heap.nth)) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

EXPORTED void *
malloc(size_t size)
{
    void *block = runs_out() ? NULL : __libc_malloc(size);

    heap.live += block != NULL;
    return block;
}

EXPORTED void *
calloc(size_t nmemb, size_t size)
{
    void *block = runs_out() ? NULL : __libc_calloc(nmemb, size);

    heap.live += block != NULL;
    return block;
}

EXPORTED void *
aligned_alloc(size_t alignment, size_t size)
{
    void *block = runs_out() ? NULL : __libc_memalign(alignment, size);

    heap.live += block != NULL;
    return block;
}

EXPORTED void *
realloc(void *ptr, size_t size)
{
    void *block = runs_out() ? NULL : __libc_realloc(ptr, size);

    heap.live += block && !ptr;
    heap.live -= ptr && !block && size == 0; /* It was freed. */
    return block;
}

EXPORTED void
free(void *ptr)
{
    heap.live -= ptr != NULL;
    __libc_free(ptr);
}

#endif

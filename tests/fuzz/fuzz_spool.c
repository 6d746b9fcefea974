/* Any bytes as the frames of a segment: reading ends, and what comes out is
 * what a checksum that is right covers, in order.
 *
 * The bytes follow a sound header, whose salt is 0, so that a fuzzer (and the
 * corpus) can make sound frames; and they are also taken for a whole segment,
 * header and all. */

#include "tools/spool/crc32c.h"
#include "tools/spool/spool_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MAX_BYTES = 1 << 20
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool good)
{
    if (!good) {
        abort();
    }
}

/* The checksum once more, as the format says and without the code that reads
 * it. */
static void
check_record(const struct spool_record *record)
{
    const uint8_t *frame = (const uint8_t *)record->bytes - SPOOL_FRAME_HEAD;
    size_t size = (SPOOL_FRAME_HEAD + record->size + 7) / 8 * 8;
    uint32_t expected = (uint32_t)frame[8] | (uint32_t)frame[9] << 8 |
                        (uint32_t)frame[10] << 16 | (uint32_t)frame[11] << 24;

    check(record->size <= SPOOL_MAX_RECORD);
    check(crc32c_portable(crc32c_portable(0, frame, 8), frame + 12,
                          size - 12) == expected);
}

static void
read_all(int fd, uint64_t limit)
{
    const struct spool_segment_header header = {.kind = EVENT_FLOW,
                                                .first_serial = 1};
    struct spool_reader reader;
    struct spool_record record;
    uint64_t last = 0;
    uint64_t passed = 0;

    spool_reader_init(&reader, EVENT_FLOW);
    check(spool_reader_set(&reader, dup(fd), &header));
    while (spool_reader_peek(&reader, limit, &record) == SPOOL_READ_OK) {
        struct spool_gap gap;

        check(record.kind == EVENT_FLOW && record.serial > last);
        check_record(&record);
        spool_gap_decode(&record, &gap);
        last = record.serial;
        passed += spool_frame_bytes(record.size);
        spool_reader_pass(&reader, &record);
        check(spool_reader_position(&reader) <= limit);
    }
    check(limit <= SPOOL_SEGMENT_START ||
          passed + reader.skipped == limit - SPOOL_SEGMENT_START);
    spool_reader_done(&reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    struct spool_segment_header header;
    uint32_t version;

    if (fd < 0) {
        fd = fileno(tmpfile());
    }
    if (size > MAX_BYTES) {
        return 0;
    }
    spool_header_decode(data, size, &header, &version);
    check(ftruncate(fd, 0) == 0);
    check(pwrite(fd, data, size, SPOOL_SEGMENT_START) == (ssize_t)size);
    read_all(fd, SPOOL_SEGMENT_START + size);
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "common/base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"

void *memory_allocate(size_t count, size_t size)
{
    assert(count > 0 && size > 0); /* of nothing calloc may give NULL, which is no lack of memory */
    void *memory = calloc(count, size);
    if (memory == NULL) {
        log_error("out of memory", log_int("bytes", (int64_t)(count * size)));
        _exit(EXIT_FAILURE); /* not exit: threads may run, and would outlive their libraries */
    }
    return memory;
}

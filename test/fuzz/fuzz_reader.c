/* SPDX-License-Identifier: MIT */
/* libFuzzer's entry: `make fuzz`, with clang. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    reader_check(data, size);
    return 0;
}

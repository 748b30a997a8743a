/* SPDX-License-Identifier: MIT */
#include "util/symbol.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* An ELF file as it lies on the disk. */
struct image {
    const char *bytes;
    size_t size;
};

static bool map_image(struct image *image, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct stat status;
    void *bytes = MAP_FAILED;
    if (fstat(fd, &status) == 0 && status.st_size > 0)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return false;
    image->bytes = bytes;
    image->size = (size_t)status.st_size;
    return true;
}

/* The part [offset, offset + length) of the file; NULL where the file ends before. */
static const void *part(const struct image *image, uint64_t offset, uint64_t length)
{
    if (offset > image->size || length > image->size - offset || offset % sizeof(uint32_t) != 0)
        return NULL;
    return image->bytes + offset;
}

/* The string at an index of a string section, if it ends within it. */
static const char *string_at(const struct image *image, const ElfW(Shdr) * strings, size_t index)
{
    if (index >= strings->sh_size || strings->sh_offset > image->size ||
        strings->sh_size > image->size - strings->sh_offset)
        return NULL;
    const char *text = image->bytes + strings->sh_offset + index;
    return memchr(text, 0, strings->sh_size - index) ? text : NULL;
}

/* The name of the function that starts at `value` in the file's own addresses. */
static const char *find(const struct image *image, uint64_t value)
{
    const ElfW(Ehdr) *header = part(image, 0, sizeof *header);
    if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_shentsize != sizeof(ElfW(Shdr)))
        return NULL;
    const ElfW(Shdr) *sections =
        part(image, header->e_shoff, (uint64_t)header->e_shnum * sizeof *sections);
    if (!sections)
        return NULL;
    for (size_t i = 0; i < header->e_shnum; i++) {
        const ElfW(Shdr) *table = &sections[i];
        if (table->sh_type != SHT_SYMTAB || table->sh_link >= header->e_shnum)
            continue;
        const ElfW(Sym) *symbols = part(image, table->sh_offset, table->sh_size);
        if (!symbols)
            continue;
        for (size_t k = 0; k < table->sh_size / sizeof *symbols; k++)
            if (symbols[k].st_value == value && (symbols[k].st_info & 0xf) == STT_FUNC)
                return string_at(image, &sections[table->sh_link], symbols[k].st_name);
    }
    return NULL;
}

/* Whether the file's addresses are relative to where it was loaded. */
static bool relocated(const void *base)
{
    const ElfW(Ehdr) *header = base;
    return header->e_type == ET_DYN;
}

static bool name_from_file(const Dl_info *info, uintptr_t address, char *buffer, size_t size)
{
    struct image image;
    uintptr_t base = (uintptr_t)info->dli_fbase;
    /* Only the path of the program itself can be relative, to a directory that may have changed. */
    const bool program = info->dli_fname[0] != '/';
    if (!map_image(&image, program ? "/proc/self/exe" : info->dli_fname))
        return false;
    const char *name = find(&image, relocated(info->dli_fbase) ? address - base : address);
    if (name)
        snprintf(buffer, size, "%s", name);
    munmap((void *)(uintptr_t)image.bytes, image.size);
    return name != NULL;
}

/* Of this object in memory, from the linker, where its head is loaded as well. */
extern const char coro__image[] __asm__("__ehdr_start") __attribute__((weak, visibility("hidden")));
extern const char coro__image_end[] __asm__("_end") __attribute__((weak, visibility("hidden")));

/* What the address belongs to. A static program has no dladdr, and nothing but itself. */
static bool find_object(uintptr_t address, Dl_info *info)
{
    if (dladdr((const void *)address, info) && info->dli_fname)
        return true;
    *info = (Dl_info){.dli_fname = program_invocation_name,
                      .dli_fbase = (void *)(uintptr_t)coro__image};
    return coro__image && address >= (uintptr_t)coro__image && address < (uintptr_t)coro__image_end;
}

const char *coro__symbol_name(coro__code *function, char *buffer, size_t size)
{
    const int saved_errno = errno;
    const uintptr_t address = (uintptr_t)function;
    Dl_info info;
    if (!find_object(address, &info)) {
        snprintf(buffer, size, "%#lx", (unsigned long)address);
        return buffer;
    }
    if (info.dli_sname && (uintptr_t)info.dli_saddr == address)
        snprintf(buffer, size, "%s", info.dli_sname);
    else if (!name_from_file(&info, address, buffer, size)) {
        const char *slash = strrchr(info.dli_fname, '/');
        snprintf(buffer, size, "%s+%#lx", slash ? slash + 1 : info.dli_fname,
                 (unsigned long)(address - (uintptr_t)info.dli_fbase));
    }
    errno = saved_errno;
    return buffer;
}

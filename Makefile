# SPDX-License-Identifier: MIT
# GNU make. Reads what ./configure found (config.mk); everything made here goes to build/ in the
# current directory. `make help` lists the targets.
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all check demo install uninstall dist clean distclean help FORCE

srcdir := .
ifneq ($(wildcard config.mk),)
include config.mk
else ifneq ($(filter-out help clean distclean,$(or $(MAKECMDGOALS),all)),)
$(error libcoro is not configured yet: run ./bootstrap (or ./configure), then make)
endif

# The source folder as a prefix: empty in-tree. (VPATH would find an in-tree build's products.)
S := $(patsubst ./%,%,$(srcdir)/)

# V=1 shows the commands.
say = $(if $(V),,@printf '  %-6s %s\n' $(1) '$@';)

# --- Flags ----------------------------------------------------------------------------------------
warnings := -Wall -Wextra -Wconversion -Wshadow -Wundef $(if $(WERROR),-Werror)
c_warnings := $(warnings) -Wstrict-prototypes -Wmissing-prototypes
internal := -I. -I$(S)lib -I$(S)include -D_GNU_SOURCE
depend = -MMD -MP -MF $@.d

# The user's flags come last. Tests are compiled without NDEBUG ($(ASSERT)): they may assert.
user_cflags = $(TARGET_CFLAGS) $(INSTRUMENT) $(CPPFLAGS) $(CFLAGS)
lib_cflags = -std=c11 $(c_warnings) $(internal) $(LIBURING_CFLAGS) $(OPENSSL_CFLAGS) $(CARES_CFLAGS) \
	$(ASSERT) -fPIC -fvisibility=hidden $(user_cflags)
bench_cflags = -std=c11 $(c_warnings) $(internal) $(ASSERT) $(user_cflags)
# TEST_CFLAGS is for the tests alone: -O0 has them compiled in half the time.
test_cflags = -std=c11 $(c_warnings) $(internal) -I$(S)test $(CHECK_CFLAGS) $(user_cflags) $(TEST_CFLAGS)
test_cxxflags = -std=c++17 $(warnings) $(internal) -I$(S)test $(CHECK_CFLAGS) \
	$(TARGET_CFLAGS) $(INSTRUMENT) $(CPPFLAGS) $(CXXFLAGS)
# Examples are compiled as a user would.
example_cflags = -std=c11 $(c_warnings) -I$(S)include $(user_cflags)
link_flags = $(INSTRUMENT) $(LDFLAGS)

# Per program: CFLAGS_test_x, LDFLAGS_test_x and LIBS_test_x are added for test/test_x.c (likewise
# for the programs of bench/ and examples/).
own = $($(1)_$(notdir $(basename $@)))
all_own = $(foreach v,$(sort $(filter CFLAGS_% LDFLAGS_% LIBS_%,$(.VARIABLES))),$v=$($v))
comma := ,
wrap = $(addprefix -Wl$(comma)--wrap=,$1)
LDFLAGS_test_asyncio_subprocess = $(call wrap,syscall close_range)
LDFLAGS_test_communicate = $(call wrap,syscall close_range)
LDFLAGS_test_dns = $(call wrap,connect recvmsg fopen coro__calloc coro__strdup getaddrinfo getnameinfo)
LDFLAGS_test_file_thread = $(call wrap,open preadv preadv2 pwritev close)
LDFLAGS_test_idle = $(call wrap,madvise ppoll)
LDFLAGS_test_io_uring_file = $(call wrap,preadv pwritev)
LDFLAGS_test_guard = $(call wrap,madvise mprotect syscall)
LDFLAGS_test_hooks = $(call wrap,mmap clock_gettime)
LDFLAGS_test_io_uring = $(call wrap,recv send accept4 io_uring_queue_init_params \
	io_uring_register_buf_ring io_uring_submit_and_wait_timeout io_uring_submit_and_get_events)
LDFLAGS_test_oom = $(call wrap,malloc calloc realloc aligned_alloc strdup mmap free munmap)
LDFLAGS_test_poller = $(call wrap,recv send epoll_create1 epoll_wait epoll_pwait2 ppoll)
LDFLAGS_test_process = $(call wrap,syscall close_range)
LDFLAGS_test_resolver = $(call wrap,getaddrinfo getnameinfo freeaddrinfo)
LDFLAGS_test_spawn = $(call wrap,syscall close_range)
LDFLAGS_test_connection = $(call wrap,getaddrinfo)
LDFLAGS_test_thread = $(call wrap,clock_gettime write)
LDFLAGS_test_tls_memory = $(call wrap,malloc)

# Headers of other libraries are spared the warnings.
CFLAGS_curl = $(LIBCURL_CFLAGS:-I%=-isystem %)
LIBS_curl = $(LIBCURL_LIBS)
CFLAGS_http = $(HTTP_PARSER_CFLAGS:-I%=-isystem %)
LIBS_http = $(HTTP_PARSER_LIBS)
CFLAGS_postgres = $(LIBPQ_CFLAGS:-I%=-isystem %)
LIBS_postgres = $(LIBPQ_LIBS)
CFLAGS_redis = $(HIREDIS_CFLAGS:-I%=-isystem %)
LIBS_redis = $(HIREDIS_LIBS)

# --- Sources and products -------------------------------------------------------------------------
births := $(S)lib/context/birth_register.c $(S)lib/context/birth_ucontext.c
backends := $(wildcard $(S)lib/io/backend_*.c $(S)lib/io/io_uring*.c)
choices := $(wildcard $(S)lib/io/tls_*.c $(S)lib/io/dns_*.c)
lib_src := $(filter-out $(births) $(backends) $(choices),$(wildcard $(S)lib/*/*.c)) \
	$(wildcard $(S)lib/io/tls_$(TLS)*.c $(S)lib/io/dns_$(DNS)*.c) \
	$(POLLERS:%=$(S)lib/io/backend_%.c) \
	$(if $(filter io_uring,$(POLLERS)),$(wildcard $(S)lib/io/io_uring*.c))
objects = $(patsubst $(S)lib/%.c,$(1)/lib/%.o,$(lib_src) $(S)lib/context/birth_$(2).c)
lib_obj := $(call objects,build,$(CONTEXT_BIRTH))
ucontext_obj := $(call objects,build/ucontext,ucontext)

static := build/libcoro.a
soname := libcoro.so.$(firstword $(subst ., ,$(VERSION)))
shared := build/libcoro.so.$(VERSION)
libs := $(static) $(if $(filter yes,$(SHARED)),$(shared))

programs = $(patsubst $(S)%.c,build/%,$(wildcard $(S)$(1)/*.c))
examples := $(filter-out $(EXAMPLES_LEFT_OUT:%=build/examples/%),$(call programs,examples))

support := $(patsubst $(S)%.c,build/%.o,$(wildcard $(S)test/support*.c))
test_c := $(patsubst $(S)%.c,build/%,$(wildcard $(S)test/test_*.c $(S)test/conformance/test_*.c))
test_cc := $(if $(CXX),$(patsubst $(S)%.cc,build/%,$(wildcard $(S)test/test_*.cc)))
test_sh := $(wildcard $(S)test/test_*.sh)
oracle := build/test/oracle/interpreter
fuzzer := build/test/fuzz/fuzz_reader

all: $(libs) $(examples)

# Everything that is compiled depends on this file, which changes when a command would.
build/flags: export TEXT = $(VERSION) $(CC) $(CXX) $(CONTEXT_BIRTH) $(lib_cflags) $(bench_cflags) \
	$(test_cflags) $(test_cxxflags) $(example_cflags) $(link_flags) $(SHARED_LDFLAGS) $(LIBS) \
	$(lib_src) $(support) $(all_own)
build/flags: FORCE
	@mkdir -p $(@D)
	@echo "$$TEXT" | cmp -s - $@ || echo "$$TEXT" >$@

# --- The library ----------------------------------------------------------------------------------
build/lib/%.o: $(S)lib/%.c build/flags
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(lib_cflags) $(depend) -c -o $@ $<

$(static): $(lib_obj)

%.a: build/flags
	$(call say,AR)rm -f $@ && $(AR) rc $@ $(filter %.o,$^) && $(RANLIB) $@

$(shared): $(lib_obj) $(S)lib/libcoro.map build/flags
	$(call say,LINK)$(CC) -shared -Wl,-soname,$(soname) $(SHARED_LDFLAGS) \
		$(addsuffix $(S)lib/libcoro.map,$(VERSION_SCRIPT)) $(CFLAGS) $(link_flags) -o $@ $(lib_obj) $(LIBS)
	@ln -sf $(@F) build/$(soname) && ln -sf $(soname) build/libcoro.so

# The same sources with the portable switch, for the benchmarks.
build/ucontext/lib/%.o: $(S)lib/%.c build/flags
	@mkdir -p $(@D)
	$(call say,CC)$(CC) -D'CORO_SWITCH_HEADER="context/switch_ucontext.h"' $(lib_cflags) $(depend) \
		-c -o $@ $<

build/ucontext/libcoro.a: $(ucontext_obj)

# --- Programs -------------------------------------------------------------------------------------
$(examples): build/examples/%: $(S)examples/%.c $(static) build/flags
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(example_cflags) $(call own,CFLAGS) $(depend) $(link_flags) -o $@ $< \
		$(static) $(call own,LIBS) $(LIBS)

build/test/%.o: $(S)test/%.c build/flags
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(test_cflags) $(call own,CFLAGS) $(depend) -c -o $@ $<

build/test/%.o: $(S)test/%.cc build/flags
	@mkdir -p $(@D)
	$(call say,CXX)$(CXX) $(test_cxxflags) $(call own,CFLAGS) $(depend) -c -o $@ $<

$(test_c) $(test_cc): %: %.o $(support) $(static)
	$(call say,LINK)$(if $(filter $@,$(test_cc)),$(CXX),$(CC)) $(CFLAGS) $(link_flags) \
		$(call own,LDFLAGS) -o $@ $< $(support) $(static) $(call own,LIBS) $(CHECK_LIBS) $(LIBS)

$(oracle): %: %.o $(static)
	$(call say,LINK)$(CC) $(CFLAGS) $(link_flags) -o $@ $< $(static) $(LIBS)

$(fuzzer): %: %.o $(static)
	$(call say,LINK)$(CC) $(CFLAGS) $(link_flags) -fsanitize=fuzzer -o $@ $< $(static) $(LIBS)

# --- Tests ----------------------------------------------------------------------------------------
# TESTS="test_gather test_wait" runs only these; TEST_WRAPPER="valgrind -q" runs programs under it.
known_tests := $(sort $(notdir $(basename $(test_c) $(test_cc) $(test_sh))))
TESTS ?= $(known_tests)
chosen = $(filter $(addprefix %/,$(TESTS)),$(basename $(1)))
test_programs := $(call chosen,$(test_c) $(test_cc))
test_scripts := $(addsuffix .sh,$(call chosen,$(test_sh)))

ifeq ($(if $(test_programs),$(HAVE_CHECK),yes),yes)
check: all $(test_programs) $(if $(filter %/test_oracle.sh,$(test_scripts)),$(oracle))
	$(if $(filter-out $(known_tests),$(TESTS)),$(error no such test: $(filter-out $(known_tests),$(TESTS))))
	@BUILDDIR='$(CURDIR)/build' SRCDIR='$(abspath $(srcdir))' MAKE='$(MAKE)' PKG_CONFIG='$(PKG_CONFIG)' \
	NM='$(NM)' CC='$(CC)' CXX='$(CXX)' CFLAGS='$(user_cflags)' \
	CXXFLAGS='$(TARGET_CFLAGS) $(INSTRUMENT) $(CPPFLAGS) $(CXXFLAGS)' LDFLAGS='$(link_flags)' \
	LIBS='$(LIBS)' SHARED='$(SHARED)' TEST_WRAPPER='$(TEST_WRAPPER)' \
	sh $(S)test/run $(test_programs) $(test_scripts)
else
check:
	@echo 'The tests need libcheck (Debian: apt-get install check): install it and run ./bootstrap again.' >&2
	@exit 1
endif

# In a build of its own: ./configure CC=clang --enable-sanitize=fuzzer-no-link,address,undefined
FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: $(fuzzer)
	@mkdir -p build/corpus
	$(fuzzer) -max_total_time=$(FUZZ_SECONDS) -max_len=3000 -artifact_prefix=build/ build/corpus

# --- For a person to watch ------------------------------------------------------------------------
include $(S)bench/bench.mk

demo_rows := plain call|swapcontext|raw switch|yield, 2 tasks|yield, 1,000 tasks
demo: all $(addprefix build/bench/,switch yield) $(ucontext_benches)
	@sh $(S)examples/run-demo $(S)examples build
	@$(run_bench) $(call both_switches,switch yield)
demo: override ROWS = $(demo_rows)
demo: ROUNDS ?= 5

# --- Installation ---------------------------------------------------------------------------------
headers := $(patsubst $(S)include/%,%,$(wildcard $(S)include/*.h $(S)include/coro/*.h))
docs := $(patsubst $(S)%,%,$(wildcard $(S)COPYING $(S)README.md $(S)docs/*.md $(S)docs/*.svg))
D = $(DESTDIR)

install: $(libs)
	install -d "$(D)$(libdir)/pkgconfig" "$(D)$(includedir)/coro" "$(D)$(docdir)"
	set -e; for h in $(headers); do install -m 644 $(S)include/$$h "$(D)$(includedir)/$$h"; done
	set -e; for d in $(docs); do install -m 644 -D $(S)$$d "$(D)$(docdir)/$$d"; done
	install -m 644 $(static) "$(D)$(libdir)"
ifeq ($(SHARED),yes)
	install -m 755 $(shared) "$(D)$(libdir)"
	ln -sf $(notdir $(shared)) "$(D)$(libdir)/$(soname)"
	ln -sf $(soname) "$(D)$(libdir)/libcoro.so"
endif
	sed 's|^prefix=.*|prefix=$(prefix)|' libcoro.pc >"$(D)$(libdir)/pkgconfig/libcoro.pc"
	chmod 644 "$(D)$(libdir)/pkgconfig/libcoro.pc"

uninstall:
	set -e; for h in $(headers); do rm -f "$(D)$(includedir)/$$h"; done
	set -e; for d in $(docs); do rm -f "$(D)$(docdir)/$$d"; done
	cd "$(D)$(libdir)" && rm -f libcoro.a libcoro.so $(soname) $(notdir $(shared)) pkgconfig/libcoro.pc
	-rmdir "$(D)$(includedir)/coro" "$(D)$(docdir)/docs" "$(D)$(docdir)"

# --- Release --------------------------------------------------------------------------------------
release := libcoro-$(VERSION)
shipped := Makefile bootstrap configure configure.ac config.h.in config.mk.in libcoro.pc.in COPYING \
	README.md CONTRIBUTING.md .clang-format .gitignore .ci include lib examples test bench docs

dist:
	rm -rf build/dist && mkdir -p build/dist/$(release)
	cd $(srcdir) && cp -Rp $(foreach f,$(shipped),$(if $(wildcard $(S)$f),$f)) \
		'$(CURDIR)/build/dist/$(release)'
	cd build/dist && tar -cf - $(release) | gzip -9 >$(CURDIR)/$(release).tar.gz
	rm -rf build/dist
	@echo 'made $(release).tar.gz'

clean:
	rm -rf build

distclean: clean
	rm -rf config.args config.h config.log config.mk config.status libcoro.pc autom4te.cache libcoro-*.tar.gz
	@if test -L Makefile; then rm -f Makefile; fi

help:
	@echo 'make                the library (static and shared) and the examples, in build/'
	@echo 'make check          all tests; TESTS="test_gather ..." only these, V=1 with their output'
	@echo 'make fuzz           random scripts for the stream reader, FUZZ_SECONDS long: see CONTRIBUTING.md'
	@echo 'make demo           the guide'\''s programs live, then the speed of a context switch here'
	@echo 'make bench          all benchmarks; BENCHES="switch ..." only these'
	@echo 'make bench-peers    beside what else is installed (./bootstrap --peers installs it)'
	@echo 'make bench-growth   the cost of an operation against the number of tasks'
	@echo 'make bench-sleepers a million tasks asleep: their memory, time and order'
	@echo 'make bench-io       servers over loopback, beside what else is installed'
	@echo 'make bench-guard    fails when instructions have become more; bench-guard-update accepts them'
	@echo 'make install        into the prefix given to configure; DESTDIR is honoured'
	@echo 'make uninstall      removes what install installed'
	@echo 'make dist           a source archive that needs no autoconf'
	@echo 'make clean          removes build/; distclean also what configure wrote'
	@echo 'Everywhere: V=1 shows the commands, WERROR=1 makes warnings errors.'

# --- Configuring again when its inputs have changed -----------------------------------------------
# (--force: autoconf's cache does not see the version change in base.h.)
ifneq ($(wildcard config.mk),)
$(S)configure: $(S)configure.ac $(S)include/coro/base.h
	cd $(srcdir) && autoconf --force && touch configure

config.status: $(S)configure
	./config.status --recheck

config.mk: config.status $(S)config.mk.in $(S)config.h.in $(S)libcoro.pc.in
	./config.status
endif

-include $(addsuffix .d,$(lib_obj) $(ucontext_obj) $(examples) $(benches) $(ucontext_benches) \
	$(io_programs) $(support) $(addsuffix .o,$(test_c) $(test_cc) $(oracle) $(fuzzer)))

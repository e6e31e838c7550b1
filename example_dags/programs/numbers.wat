;; numbers square|sum OUTPUT INPUT...
;;
;; Reads whole numbers, one a line, from the files INPUT... and writes to the file OUTPUT
;;   square: each number's square, one a line
;;   sum:    their sum
;; Prints how many numbers it read. Exit 2: wrong arguments; 3: an INPUT cannot be read, or there is no number in them;
;; 4: OUTPUT cannot be written. Files up to 64 KiB: it is a demonstration that fits on two pages.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 8)

  ;; 0 buffer descriptor, 8 result, 12 file, 16 argument count, 20 argument bytes, 32 digits
  ;; 256 argument pointers, 1024 arguments, 4096 text to print, 8192 input (64 KiB), 81920 output
  (data (i32.const 4096) " numbers read\n")
  (data (i32.const 4160) "numbers: wrong arguments\n")
  (data (i32.const 4224) "numbers: no number found\n")
  (data (i32.const 4288) "numbers: can't write out\n")

  ;; Says on standard error what is wrong (25 bytes each) and ends with the code.
  (func $fail (param $code i32)
    (i32.store (i32.const 0) (i32.add (i32.const 4160) (i32.mul (i32.sub (local.get $code) (i32.const 2)) (i32.const 64))))
    (i32.store (i32.const 4) (i32.const 25))
    (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $proc_exit (local.get $code))
    unreachable)

  (func $length (param $text i32) (result i32)
    (local $at i32)
    (local.set $at (local.get $text))
    (block $end
      (loop $next
        (br_if $end (i32.eqz (i32.load8_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $at) (local.get $text)))

  (func $argument (param $index i32) (result i32)
    (i32.load (i32.add (i32.const 256) (i32.mul (local.get $index) (i32.const 4)))))

  ;; Opens a path below the root folder (file 3); paths may start with a slash.
  (func $open (param $path i32) (param $create i32) (param $rights i64) (param $code i32) (result i32)
    (if (i32.eq (i32.load8_u (local.get $path)) (i32.const 47))
      (then (local.set $path (i32.add (local.get $path) (i32.const 1)))))
    (if (call $path_open (i32.const 3) (i32.const 0) (local.get $path) (call $length (local.get $path))
          (local.get $create) (local.get $rights) (local.get $rights) (i32.const 0) (i32.const 12))
      (then (call $fail (local.get $code))))
    (i32.load (i32.const 12)))

  (func $write (param $file i32) (param $from i32) (param $size i32)
    (block $end
      (loop $more
        (br_if $end (i32.eqz (local.get $size)))
        (i32.store (i32.const 0) (local.get $from))
        (i32.store (i32.const 4) (local.get $size))
        (if (call $fd_write (local.get $file) (i32.const 0) (i32.const 1) (i32.const 8))
          (then (call $fail (i32.const 4))))
        (local.set $from (i32.add (local.get $from) (i32.load (i32.const 8))))
        (local.set $size (i32.sub (local.get $size) (i32.load (i32.const 8))))
        (br $more))))

  ;; Reads the whole file to 8192 and answers where it ends.
  (func $read_all (param $file i32) (result i32)
    (local $at i32)
    (local.set $at (i32.const 8192))
    (block $end
      (loop $more
        (i32.store (i32.const 0) (local.get $at))
        (i32.store (i32.const 4) (i32.sub (i32.const 73728) (local.get $at)))
        (if (call $fd_read (local.get $file) (i32.const 0) (i32.const 1) (i32.const 8))
          (then (call $fail (i32.const 3))))
        (br_if $end (i32.eqz (i32.load (i32.const 8))))
        (local.set $at (i32.add (local.get $at) (i32.load (i32.const 8))))
        (br $more)))
    (local.get $at))

  ;; Writes a number as text and a line feed at $at, answers where it ends.
  (func $put (param $number i64) (param $at i32) (result i32)
    (local $digit i32)
    (local.set $digit (i32.const 64))
    (if (i64.lt_s (local.get $number) (i64.const 0))
      (then
        (i32.store8 (local.get $at) (i32.const 45))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $number (i64.sub (i64.const 0) (local.get $number)))))
    (loop $next
      (local.set $digit (i32.sub (local.get $digit) (i32.const 1)))
      (i32.store8 (local.get $digit)
        (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10)))))
      (local.set $number (i64.div_u (local.get $number) (i64.const 10)))
      (br_if $next (i64.ne (local.get $number) (i64.const 0))))
    (memory.copy (local.get $at) (local.get $digit) (i32.sub (i32.const 64) (local.get $digit)))
    (local.set $at (i32.add (local.get $at) (i32.sub (i32.const 64) (local.get $digit))))
    (i32.store8 (local.get $at) (i32.const 10))
    (i32.add (local.get $at) (i32.const 1)))

  ;; State of the reading, kept from file to file.
  (global $square (mut i32) (i32.const 0))
  (global $out (mut i32) (i32.const 81920))
  (global $count (mut i64) (i64.const 0))
  (global $total (mut i64) (i64.const 0))

  (func $take (param $number i64)
    (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (global.set $total (i64.add (global.get $total) (local.get $number)))
    (if (global.get $square)
      (then (global.set $out (call $put (i64.mul (local.get $number) (local.get $number)) (global.get $out))))))

  ;; Takes each number between 8192 and $end; a last line feed is read past the end, so that the last line needs none.
  (func $scan (param $end i32)
    (local $at i32) (local $char i32) (local $digits i32) (local $number i64) (local $sign i64)
    (local.set $at (i32.const 8192))
    (local.set $sign (i64.const 1))
    (block $done
      (loop $next
        (br_if $done (i32.gt_u (local.get $at) (local.get $end)))
        (local.set $char (i32.const 10))
        (if (i32.lt_u (local.get $at) (local.get $end))
          (then (local.set $char (i32.load8_u (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.eq (local.get $char) (i32.const 45)) (then (local.set $sign (i64.const -1))))
        (if (i32.and (i32.ge_u (local.get $char) (i32.const 48)) (i32.le_u (local.get $char) (i32.const 57)))
          (then
            (local.set $digits (i32.const 1))
            (local.set $number (i64.add (i64.mul (local.get $number) (i64.const 10))
              (i64.extend_i32_u (i32.sub (local.get $char) (i32.const 48)))))))
        (if (i32.and (i32.eq (local.get $char) (i32.const 10)) (local.get $digits))
          (then
            (call $take (i64.mul (local.get $number) (local.get $sign)))
            (local.set $number (i64.const 0))
            (local.set $sign (i64.const 1))
            (local.set $digits (i32.const 0))))
        (br $next))))

  (func (export "_start")
    (local $index i32) (local $at i32)
    (drop (call $args_sizes_get (i32.const 16) (i32.const 20)))
    (if (i32.or (i32.lt_u (i32.load (i32.const 16)) (i32.const 4))
                (i32.gt_u (i32.load (i32.const 20)) (i32.const 3000)))
      (then (call $fail (i32.const 2))))
    (drop (call $args_get (i32.const 256) (i32.const 1024)))
    ;; "sq..." squares, "su..." sums
    (global.set $square (i32.eq (i32.load8_u offset=1 (call $argument (i32.const 1))) (i32.const 113)))
    (local.set $index (i32.const 3))
    (loop $file
      (call $scan (call $read_all
        (call $open (call $argument (local.get $index)) (i32.const 0) (i64.const 2) (i32.const 3))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $file (i32.lt_u (local.get $index) (i32.load (i32.const 16)))))
    (if (i64.eqz (global.get $count)) (then (call $fail (i32.const 3))))
    (if (i32.eqz (global.get $square))
      (then (global.set $out (call $put (global.get $total) (global.get $out)))))
    (call $write
      (call $open (call $argument (i32.const 2)) (i32.const 9) (i64.const 64) (i32.const 4))
      (i32.const 81920) (i32.sub (global.get $out) (i32.const 81920)))
    ;; the count and " numbers read": $put ends with a line feed that is left out
    (local.set $at (i32.sub (call $put (global.get $count) (i32.const 81920)) (i32.const 1)))
    (memory.copy (local.get $at) (i32.const 4096) (i32.const 14))
    (call $write (i32.const 1) (i32.const 81920)
      (i32.sub (i32.add (local.get $at) (i32.const 14)) (i32.const 81920)))
    (call $proc_exit (i32.const 0))))

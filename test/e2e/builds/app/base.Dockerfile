FROM stowage/busybox:bookworm
RUN echo base > /base

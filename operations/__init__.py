"""Operations after the first good run: retraining, gate, registry, monitoring, schedule and today's weights."""

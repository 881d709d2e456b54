"""What stands at a framework's trainer, seen by running the framework's own entry point on compiled files.

Nothing here may import the rest of this package: the files run where it is not installed. `worker` imports a framework
once and forks a child for each case; `stop` ends the training where the first batch is drawn, and `observe` collects
the observation. `stand_in` writes random weights for a config.json and an adapter for an adapter_config.json.

An observation is one JSON object. Numbers are as Python holds them, a float without a JSON form is its text (`inf`),
an object is its class's or function's full name. Digests are SHA-256 (`weights.compute_digest`), absolute sums are over
all values of the named tensors. A section that could not be observed is missing, and `problems` has its traceback.

    seconds             of the case, without the framework's import
    trainer
      class, bases      full names, most derived first
      settings          the trainer's own plain attributes: beta, loss_type, label_smoothing, reward_weights …
      functions         full names of compute_loss, training_step, create_optimizer, create_scheduler, data_collator
      compute_loss_func, label_smoother   None where there is none
      rewards           None, or functions and weights, in order
      template_length   tokens that a template of the framework's own cuts rows to, None where it has none
    arguments           every field of the training arguments, by name, but for hub tokens
    callbacks           list of {class, settings}: early stopping's patience stands here
    steps
      total, warmup     optimizer steps of the run and of its warmup
      epochs            whole epochs that `total` is divided into
      batches_per_epoch micro-batches of one epoch of one process; None where the data set has no length
      examples, evaluated_examples   rows of the data sets (packs where packed)
      longest_example   tokens of the longest of the first 2000 rows; None where the data set holds no `input_ids`
      accumulation      micro-batches of an optimizer step
      micro_batch       sequences
      log_every, evaluate_every, save_every   optimizer steps
    optimizer
      class, bases, defaults, settings
      groups            list of {options: learning rate, decay, betas …; names: of the parameters in it}
      in_none, in_several   names of trainable tensors that no group has, or more than one
      frozen            names of tensors in a group that are not trainable
    scheduler
      class, function   of lr_lambdas: {name, options}
      base              peak learning rate of each group
      rates             by step ("0" is the first optimizer step): learning rate of each group
    weights
      trainable         by name: {shape, dtype}
      trainable_numbers numbers in them
      frozen_dtypes, buffers   by dtype: how many tensors
      base              {tensors, sha256, absolute_sum} of all that is no adapter's; None above 2 GiB
      quantization      None, or the quantization config as text
    adapters            {} without PEFT
      active            names
      by_name           {config, scaling: list of alpha / rank as applied, dtypes, trainable, A, B, magnitude,
                        saved_modules: each {tensors, absolute_sum, sha256} or None}
    reference
      kind              none, model, adapter or base (the model with its adapter off)
      adapter, beta
      largest_difference   of a weight from the trained model's at the start; 0 where the reference is the start
      base, adapters, dropout, training, trainable   of a model of its own
    modules
      class, training, compiled
      dropout           {adapter (the active ones), own, attention}: by probability as text, how many modules
      neftune           None, or {alpha, hooks}
      checkpointing     {modules: by class, how many recompute; options of torch.utils.checkpoint}
      config            attention implementation, use_cache, router losses, tied embeddings
      loss              the causal model's loss function
      patched           by class: a forward pass that is not the model's own
    tokens
      config, generation_config   {eos,pad,bos}_token_id
      tokenizer         these ids and texts
      padding_side, chat_template, vocabulary (entries)
    batches
      items             what the loss of these batches is divided by; None where each takes its own mean
      order             classes of the loader, its batch sampler and samplers
      micro_batches     the first two: {values: by key, shapes, dtypes, attended: tokens attended to in each row,
                        texts: of ids, in_loss: by labels or mask, the text that has loss}; GRPO: {examples}
    evaluation          the first batch as in micro_batches, None where nothing is evaluated
    saved_adapter       None, or {A, B} of the adapter that training continues from, as saved in its folder

Where a case failed, the observation is {"error"}: why, and the last lines of its log.
"""
